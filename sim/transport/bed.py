"""The river bed: an active layer and what is buried below it, and one step of its exchange with the water."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, canonicalise, frozen
from sim.errors import ScenarioError
from sim.transport import _kernels_solids as kernels
from sim.transport.solids import BedParameters

#: by which share a full layer may seem more than full
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Bed:
    """Solids and lead in the bed of n cells for k members.

    Parameters
    ----------
    area : (n,) m2 of bed, the same at all times
    solids, lead : (n, k) kg in the active layer, lead on particles and in pores together
    buried_solids, buried_lead : (n, k) kg below it, out of reach of storms

    Raises
    ------
    ScenarioError
        LS-204 for a value that is negative or not finite, with the cell; LS-209 for lead in a layer without solids.

    Examples
    --------
    >>> bed = bed_layer([100.0], BedParameters(), filled=0.5, content=3e-5)
    >>> round(float(bed.solids[0, 0])), round(float(bed.content[0, 0]), 8)
    (2650, 3e-05)
    """

    area: FloatArray
    solids: FloatArray
    lead: FloatArray
    buried_solids: FloatArray
    buried_lead: FloatArray

    def __post_init__(self) -> None:
        n, k = np.shape(self.solids)
        field = (np.float64, (n, k))
        canonicalise(
            self, area=(np.float64, (n,)), solids=field, lead=field, buried_solids=field, buried_lead=field
        )  # fmt: skip
        for name in ("area", "solids", "lead", "buried_solids", "buried_lead"):
            _require(f"bed.{name}", getattr(self, name))
        for cell, _ in np.argwhere((self.lead > 0.0) & (self.solids == 0.0))[:1]:
            raise ScenarioError(
                209, f"bed.lead, cell {cell}", got=f"{self.lead[cell].max():g} kg", expected="Needs solids to lie on",
                remedy="Give the layer solids, or no lead",
            )  # fmt: skip

    @property
    def content(self) -> FloatArray:
        """(n, k) kg/kg, lead over solids of the active layer; 0 where there are none."""
        return np.divide(self.lead, self.solids, out=np.zeros_like(self.lead), where=self.solids > 0.0)

    def pore_concentration(self, parameters: BedParameters) -> FloatArray:
        """Dissolved lead in the pores, C_p = L / (M (phi / (rho_s (1 - phi)) + Kd_b)).

        Parameters
        ----------
        parameters : BedParameters

        Returns
        -------
        (n, k) kg/m3; 0 where there is no layer
        """
        return self.content / (parameters.pore_water + parameters.kd)

    @property
    def state(self) -> FloatArray:
        """(4, n, k) kg, a copy in the order the kernel takes."""
        return np.stack((self.solids, self.lead, self.buried_solids, self.buried_lead))


@dataclass(frozen=True, slots=True)
class BedExchange:
    """Ledger of the exchange between water and bed over all cells, (k,) kg each.

    Parameters
    ----------
    settled_solids, eroded_solids, buried_solids : water to layer, layer to water, layer to what lies below
    settled_lead, eroded_lead, buried_lead : lead that went with them
    diffused_lead : lead from the water into the pores; negative out of the bed
    """

    settled_solids: FloatArray
    eroded_solids: FloatArray
    buried_solids: FloatArray
    settled_lead: FloatArray
    eroded_lead: FloatArray
    diffused_lead: FloatArray
    buried_lead: FloatArray


def bed_layer(
    area: npt.ArrayLike,
    parameters: BedParameters,
    *,
    members: int = 1,
    filled: npt.ArrayLike = 1.0,
    content: npt.ArrayLike = 0.0,
) -> Bed:
    """A bed to start from: every cell with the same share of a full layer, nothing buried.

    Parameters
    ----------
    area : (n,) m2
    parameters : BedParameters
    members : k
    filled : share of the full layer, broadcastable to (n, k)
    content : kg of lead per kg of solids, broadcastable to (n, k)

    Returns
    -------
    Bed

    Raises
    ------
    ScenarioError
        LS-204 for a share outside 0 to 1 or a negative content.
    """
    size = np.asarray(area, dtype=np.float64)
    share = np.broadcast_to(np.asarray(filled, dtype=np.float64), (len(size), members))
    _require("bed: filled share", share, most=1.0)
    solids = share * parameters.full_layer * size[:, None]
    nothing = np.zeros_like(solids)
    return Bed(size, solids, solids * np.asarray(content), nothing, nothing)


def exchange(
    bed: Bed,
    solids: npt.ArrayLike,
    lead: npt.ArrayLike,
    *,
    volume: npt.ArrayLike,
    shear: npt.ArrayLike,
    kd: npt.ArrayLike,
    parameters: BedParameters,
    duration: float,
) -> tuple[FloatArray, FloatArray, Bed, BedExchange]:
    """Exchange solids and lead between water and bed for a while, without flow.

    Per bed area, h = V / A, with C_d = C / (1 + Kd S) in the water and C_p in the pores,

        h S_t = -w_s (1 - tau/tau_cd)+ S + E,       E = M_e (tau/tau_ce - 1)+ while the layer holds solids
        M_t   =  w_s (1 - tau/tau_cd)+ S - E - B,   B keeps M at rho_s (1 - phi) z at most
        h C_t = -w_s (1 - tau/tau_cd)+ Kd S C_d + E L/M - v (C_d - C_p)
        L_t   = minus that - B L/M

    Exact for settling, erosion and burial and for diffusion alone, second order in `duration` together.

    Parameters
    ----------
    bed : Bed of n cells and k members
    solids : S, (n, k) kg/m3
    lead : C, (n, k) kg/m3, dissolved and suspended
    volume : V, (n,) m3; a cell without volume is left alone
    shear : tau, (n,) Pa
    kd : Kd, broadcastable to (n, k), m3/kg, see `sim.chemistry.partition_coefficient`
    parameters : BedParameters
    duration : s

    Returns
    -------
    solids, lead : (n, k) kg/m3
    bed : Bed
    ledger : BedExchange

    Raises
    ------
    ScenarioError
        LS-204 for a value that is negative or not finite, LS-209 for a layer that is more than full, with the cell.

    References
    ----------
    Krone 1962, University of California; Partheniades 1965, doi 10.1061/JYCEAJ.0001165; Strang 1968,
    doi 10.1137/0705041 (splitting).

    Examples
    --------
    >>> parameters = BedParameters(settling_velocity=1e-4, pore_mixing=0.0, molecular_diffusion=0.0)
    >>> bed = bed_layer([10.0], parameters, filled=0.0)
    >>> solids, _, bed, ledger = exchange(
    ...     bed, [[0.2]], [[0.0]], volume=[20.0], shear=[0.0], kd=126.0, parameters=parameters, duration=20000.0
    ... )
    >>> round(float(solids[0, 0] / 0.2), 6), round(float(ledger.settled_solids[0]), 6)
    (0.367879, 2.528482)
    """
    n, k = bed.solids.shape
    field = (n, k)
    kd_field = frozen(np.broadcast_to(np.asarray(kd, dtype=np.float64), field), np.float64)
    S, C = frozen(solids, np.float64, field, "solids"), frozen(lead, np.float64, field, "lead")
    V, tau = frozen(volume, np.float64, (n,), "volume"), frozen(shear, np.float64, (n,), "shear")
    for name, values in (("solids", S), ("lead", C), ("volume", V), ("shear", tau), ("kd", kd_field)):
        _require(name, values)
    _require("duration", np.array([duration]))
    full = parameters.full_layer * bed.area[:, None]
    for cell, member in np.argwhere(bed.solids > full * (1.0 + _ROUNDING))[:1]:
        raise ScenarioError(
            209, f"bed.solids, cell {cell}", got=f"{bed.solids[cell, member]:g} kg",
            expected=f"Must not exceed the full layer ({np.broadcast_to(full, (n, k))[cell, member]:g} kg)",
            remedy="Use the parameters the bed was made with, or a thicker layer",
        )  # fmt: skip
    water, state = np.concatenate((S, C), axis=1), bed.state
    sums = np.zeros((kernels.EXCHANGE_LINES, 2, k))
    column = np.arange(k)
    kernels.exchange_with_bed(
        parameters.rates(k), V, bed.area, tau, V, kd_field, column, column + k, float(duration), water, state, sums
    )
    return water[:, :k].copy(), water[:, k:].copy(), Bed(bed.area, *state), BedExchange(*sums.sum(axis=1))


def _require(name: str, values: FloatArray, most: float = np.inf) -> None:
    """Refuse what is negative, not finite or above `most`."""
    wrong = ~((values >= 0.0) & (values <= most) & np.isfinite(values))
    for place in np.argwhere(wrong)[:1]:
        raise ScenarioError(
            204, name if values.size == 1 else f"{name}, cell {place[0]}", got=f"{values[tuple(place)]:g}",
            expected="Must be finite and not negative" if most == np.inf else f"Must be from 0 to {most:g}",
            remedy="Correct the value",
        )  # fmt: skip
