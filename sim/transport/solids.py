"""Suspended solids: what supplies them, and what is known about their exchange with the bed."""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, FloatArray
from sim.errors import ScenarioError

_DAY = 86400.0
_YEAR = 365.25 * _DAY
_LITRE = 1e-3  # m3


class ParameterFact(NamedTuple):
    """What is known about a parameter's default value.

    name, symbol, unit : as in the equations; SI
    value, low, high : default and plausible range
    evidence : "F" found in a document, "M" from memory of the literature, "C" judged
    source : where from
    """

    name: str
    symbol: str
    unit: str
    value: float
    low: float
    high: float
    evidence: str
    source: str


def _known(symbol: str, unit: str, low: float, high: float, evidence: str, source: str) -> dict[str, Any]:
    """Metadata of a field: what is known about its default."""
    return {"symbol": symbol, "unit": unit, "low": low, "high": high, "evidence": evidence, "source": source}


def _facts(kind: type) -> tuple[ParameterFact, ...]:
    """What is known about every field of a dataclass of parameters."""

    def fact(one: Field[Any]) -> ParameterFact:
        assert one.default is not MISSING
        return ParameterFact(name=one.name, value=one.default, **one.metadata)

    return tuple(fact(one) for one in fields(kind))


@dataclass(frozen=True, slots=True)
class BedParameters:
    """Settling, erosion and the active layer of the bed; each a number or one value per member.

    The active layer is mixed; what it cannot hold is buried for good. `BedParameters.facts` tells defaults, ranges
    and sources.

    Parameters
    ----------
    settling_velocity : w_s, m/s
    deposition_shear : tau_cd, Pa, nothing settles at or above it
    erosion_shear : tau_ce, Pa, not below `deposition_shear`; nothing erodes at or below it
    erosion_rate : M_e, kg/m2/s at twice `erosion_shear`
    layer_thickness : z, m, of the full active layer
    porosity : 1, of the layer
    particle_density : rho_s, kg/m3
    log_kd : log10 L/kg, of the layer; -inf for a substance that does not sorb
    boundary_layer : delta, m, of still water above the bed
    molecular_diffusion : D, m2/s
    pore_mixing : D_m, m2/s, by animals and by flow through the bed

    Raises
    ------
    ScenarioError
        LS-204 for a value that cannot be; LS-209 when the bed would erode where solids still settle.

    References
    ----------
    Krone 1962, University of California; Partheniades 1965, doi 10.1061/JYCEAJ.0001165; Boudreau 1996,
    doi 10.1016/0016-7037(96)00158-5.

    Examples
    --------
    >>> bed = BedParameters(layer_thickness=0.02)
    >>> round(float(bed.full_layer), 3)
    21.2
    """

    settling_velocity: float | FloatArray = field(
        default=5.0 / _DAY,
        metadata=_known(
            "w_s", "m/s", 0.5 / _DAY, 50.0 / _DAY, "C",
            "Ferguson and Church 2004, doi 10.1306/051204740933, silt and flocs of 4-30 um",
        ),
    )  # fmt: skip
    deposition_shear: float | FloatArray = field(
        default=0.3,
        metadata=_known("tau_cd", "Pa", 0.1, 1.0, "M", "as for erosion; practice after Krone 1962, Partheniades 1965"),
    )
    erosion_shear: float | FloatArray = field(
        default=0.3,
        metadata=_known("tau_ce", "Pa", 0.1, 1.0, "M", "practice after Partheniades 1965, doi 10.1061/JYCEAJ.0001165"),
    )
    erosion_rate: float | FloatArray = field(
        default=5e-5,
        metadata=_known(
            "M_e", "kg/m2/s", 5e-6, 5e-4, "M", "practice after Partheniades 1965, doi 10.1061/JYCEAJ.0001165"
        ),
    )
    layer_thickness: float | FloatArray = field(
        default=0.05, metadata=_known("z", "m", 0.01, 0.15, "M", "practice of bed exchange models")
    )
    porosity: float | FloatArray = field(
        default=0.6, metadata=_known("phi", "1", 0.4, 0.8, "C", "fresh silt; no measurement in Kachin")
    )
    particle_density: float | FloatArray = field(
        default=2650.0,
        metadata=_known("rho_s", "kg/m3", 2500.0, 2750.0, "M", "handbook value of quartz; clay minerals are close"),
    )
    log_kd: float | FloatArray = field(
        default=5.1,
        metadata=_known(
            "log10 Kd_b", "log10 L/kg", 3.8, 6.2, "M", "Allison and Allison 2005, EPA/600/R-05/074, median"
        ),
    )
    boundary_layer: float | FloatArray = field(
        default=1e-3, metadata=_known("delta", "m", 1e-4, 2e-3, "C", "order of a millimetre in slow water")
    )
    molecular_diffusion: float | FloatArray = field(
        default=9.45e-10,
        metadata=_known(
            "D", "m2/s", 6e-10, 9.5e-10, "M", "Li and Gregory 1974, doi 10.1016/0016-7037(74)90145-8, lead at 25 C"
        ),
    )
    pore_mixing: float | FloatArray = field(
        default=2e-9,
        metadata=_known(
            "D_m", "m2/s", 0.0, 6e-8, "C", "set so that v is 0.005 m/d, the middle of practice (0.0005-0.05 m/d)"
        ),
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            value = np.array(getattr(self, one.name), dtype=np.float64)
            value.flags.writeable = False
            object.__setattr__(self, one.name, value)
        for name, low, high in (
            ("settling_velocity", 0.0, np.inf), ("erosion_rate", 0.0, np.inf), ("layer_thickness", 0.0, np.inf),
            ("boundary_layer", 0.0, np.inf), ("molecular_diffusion", 0.0, np.inf), ("pore_mixing", 0.0, np.inf),
            ("log_kd", -np.inf, 12.0),
        ):  # fmt: skip
            self._require(name, low, high, inclusive=True)
        for name, low, high in (
            ("deposition_shear", 0.0, np.inf), ("erosion_shear", 0.0, np.inf), ("porosity", 0.0, 1.0),
            ("particle_density", 0.0, np.inf),
        ):  # fmt: skip
            self._require(name, low, high, inclusive=False)
        if np.any(self.deposition_shear > self.erosion_shear):
            raise ScenarioError(
                209, "bed.deposition_shear", got=f"{np.max(self.deposition_shear):g} Pa",
                expected=f"Must not exceed bed.erosion_shear ({np.min(self.erosion_shear):g} Pa)",
                remedy="Where the bed erodes nothing settles; give one value for both when in doubt",
            )  # fmt: skip
        exchange_velocity(self.porosity, self.layer_thickness, self.boundary_layer, self.molecular_diffusion)

    def _require(self, name: str, low: float, high: float, *, inclusive: bool) -> None:
        value = np.ravel(getattr(self, name))
        # nothing but log_kd may be infinite
        good = (value >= low) & (value < high) if inclusive else (value > low) & (value < high)
        for wrong in value[~good][:1]:
            bounds = f"{'at least' if inclusive else 'above'} {low:g} and below {high:g}"
            raise ScenarioError(
                204, f"bed.{name}", got=f"{wrong:g}", expected=f"Must be {bounds}",
                remedy="See BedParameters.facts for the range found in rivers",
            )  # fmt: skip

    @staticmethod
    def facts() -> tuple[ParameterFact, ...]:
        """Default, range, unit, evidence and source of every parameter."""
        return _facts(BedParameters)

    @property
    def full_layer(self) -> FloatArray:
        """Solids of the full active layer, rho_s (1 - phi) z, kg/m2."""
        return np.asarray(self.particle_density * (1.0 - self.porosity) * self.layer_thickness)

    @property
    def pore_water(self) -> FloatArray:
        """Pore water per solids of the layer, phi / (rho_s (1 - phi)), m3/kg."""
        return np.asarray(self.porosity / (self.particle_density * (1.0 - self.porosity)))

    @property
    def kd(self) -> FloatArray:
        """Partition coefficient of the layer, m3/kg."""
        return np.asarray(10.0 ** np.asarray(self.log_kd) * _LITRE)

    @property
    def exchange_velocity(self) -> FloatArray:
        """Velocity of diffusion between water and pores, see `exchange_velocity`, m/s."""
        return exchange_velocity(
            self.porosity, self.layer_thickness, self.boundary_layer, self.molecular_diffusion, self.pore_mixing
        )

    def rates(self, members: int = 1) -> FloatArray:
        """Parameters as the kernel takes them.

        Parameters
        ----------
        members : k; parameters of one value hold for all

        Returns
        -------
        (8, k), rows w_s, tau_cd, tau_ce, M_e, rho_s (1 - phi) z, phi / (rho_s (1 - phi)), Kd_b, v

        Raises
        ------
        ValueError
            If a parameter has values for another number of members.

        Examples
        --------
        >>> BedParameters(erosion_shear=[0.4, 0.5]).rates(2)[2].tolist()
        [0.4, 0.5]
        """
        parts = (
            self.settling_velocity, self.deposition_shear, self.erosion_shear, self.erosion_rate, self.full_layer,
            self.pore_water, self.kd, self.exchange_velocity,
        )  # fmt: skip
        return np.stack([np.broadcast_to(part, (members,)) for part in parts])


def exchange_velocity(
    porosity: npt.ArrayLike,
    layer_thickness: npt.ArrayLike,
    boundary_layer: npt.ArrayLike,
    molecular_diffusion: npt.ArrayLike,
    pore_mixing: npt.ArrayLike = 0.0,
) -> FloatArray:
    """Velocity at which a dissolved substance moves between water and pores.

    Still water above the bed and half the layer in series, 1/v = delta / D + (z / 2) / (phi (D / theta^2 + D_m)),
    with tortuosity theta^2 = 1 - ln(phi^2).

    Parameters
    ----------
    porosity : phi, 1
    layer_thickness : z, m
    boundary_layer : delta, m
    molecular_diffusion : D, m2/s
    pore_mixing : D_m, m2/s, by animals and by flow through the bed

    Returns
    -------
    m/s, shapes broadcast; 0 where nothing diffuses

    Raises
    ------
    ScenarioError
        LS-209 when neither the layer nor the still water has a thickness.

    References
    ----------
    Boudreau 1996, Geochimica et Cosmochimica Acta 60, doi 10.1016/0016-7037(96)00158-5 (tortuosity).

    Examples
    --------
    >>> round(86400.0 * float(exchange_velocity(0.6, 0.05, 1e-3, 9.45e-10)), 5)
    0.00096
    """
    phi, D = np.asarray(porosity, dtype=np.float64), np.asarray(molecular_diffusion, dtype=np.float64)
    pores = phi * (D / (1.0 - 2.0 * np.log(phi)) + np.asarray(pore_mixing))
    half = 0.5 * np.asarray(layer_thickness, dtype=np.float64)
    above = np.asarray(boundary_layer, dtype=np.float64)
    if np.any((above == 0.0) & (half == 0.0)):
        raise ScenarioError(
            209, "bed.boundary_layer", got="0 m", expected="Must be positive where layer_thickness is zero",
            remedy="Give a boundary layer of 1e-4 to 2e-3 m",
        )  # fmt: skip
    # conductances, so that zero diffusion needs no division by zero
    return np.asarray(D * pores / np.where(D * pores > 0.0, above * pores + half * D, 1.0))


@dataclass(frozen=True, slots=True)
class SolidsSupply:
    """Solids that water from hillslopes carries, and those that bare pits add.

    Parameters
    ----------
    concentration : a, kg/m3 at the reference discharge
    exponent : b, 1
    pit_yield : kg/m2/s, long-term mean of bare pit ground

    Raises
    ------
    ScenarioError
        LS-204 for a negative value.

    Examples
    --------
    >>> SolidsSupply(concentration=0.1, exponent=1.0).hillslopes([1.0, 3.0], 2.0).tolist()
    [0.05, 0.15000000000000002]
    """

    concentration: float = field(
        default=0.0775,
        metadata=_known("a", "kg/m3", 0.005, 3.0, "C", "middle of 20 mg/L (dry) and 300 mg/L (wet), mountain rivers"),
    )
    exponent: float = field(default=1.3, metadata=_known("b", "1", 0.8, 1.8, "C", "rating curves of mountain rivers"))
    pit_yield: float = field(
        default=10.0 / _YEAR,
        metadata=_known(
            "Y", "kg/m2/s", 1.0 / _YEAR, 50.0 / _YEAR, "C", "bare slopes, 10 to 500 t/ha a year; no measurement"
        ),
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not 0.0 <= value < np.inf:
                raise ScenarioError(
                    204, f"solids.{one.name}", got=f"{value:g}", expected="Must be finite and not negative",
                    remedy="See SolidsSupply.facts for the range found in rivers",
                )  # fmt: skip

    @staticmethod
    def facts() -> tuple[ParameterFact, ...]:
        """Default, range, unit, evidence and source of every parameter."""
        return _facts(SolidsSupply)

    def hillslopes(self, discharge: npt.ArrayLike, reference: npt.ArrayLike) -> FloatArray:
        """Suspended solids of the water that enters a reach, SPM = a (Q / Q_ref)^b.

        Where all water that enters a river has the rating of the same Q / Q_ref, so has the river, until solids settle
        or the bed erodes.

        Parameters
        ----------
        discharge : Q, m3/s, >= 0, (t, n) for periods and reaches
        reference : Q_ref, m3/s, > 0, (n,), for example each reach's mean

        Returns
        -------
        kg/m3, shapes broadcast

        Raises
        ------
        ScenarioError
            LS-204 for a discharge that cannot be.
        """
        Q, Q_ref = np.asarray(discharge, dtype=np.float64), np.asarray(reference, dtype=np.float64)
        _refuse("solids: discharge", Q, (Q >= 0.0) & np.isfinite(Q), "Must be finite and not negative")
        _refuse("solids: reference discharge", Q_ref, (Q_ref > 0.0) & np.isfinite(Q_ref), "Must be finite and positive")
        return np.asarray(self.concentration * (Q / Q_ref) ** self.exponent)

    def pits(self, area: npt.ArrayLike, discharge: npt.ArrayLike, duration: npt.ArrayLike) -> FloatArray:
        """Solids washed off pits, W = Y A Q^(1 + b) / mean(Q^(1 + b)): storms bring most, the mean is the yield.

        Parameters
        ----------
        area : A, (k,) m2, bare ground of every pit
        discharge : Q, (t, k) m3/s, of the stream at every pit
        duration : (t,) s

        Returns
        -------
        (t, k) kg/s

        Raises
        ------
        ScenarioError
            LS-204 for a value that is negative or not finite, or a pit on a stream that never flows.

        Examples
        --------
        >>> supply = SolidsSupply(exponent=1.0, pit_yield=1.0)
        >>> supply.pits([2.0], [[1.0], [3.0]], [1.0, 1.0]).round(12).ravel().tolist()
        [0.4, 3.6]
        """
        Q, dt = np.asarray(discharge, dtype=np.float64), np.asarray(duration, dtype=np.float64)
        ground = np.asarray(area, dtype=np.float64)
        _refuse(
            "solids: area of pits", ground, (ground >= 0.0) & np.isfinite(ground), "Must be finite and not negative"
        )
        _refuse("solids: discharge at pits", Q, (Q >= 0.0) & np.isfinite(Q), "Must be finite and not negative")
        _refuse("solids: duration", dt, (dt > 0.0) & np.isfinite(dt), "Must be finite and positive")
        largest = Q.max(axis=0)
        _refuse("solids: largest discharge at pits", largest, largest > 0.0, "Must be positive")
        weight = (Q / largest) ** (1.0 + self.exponent)
        mean = (weight * dt[:, None]).sum(axis=0) / dt.sum()
        return np.asarray(self.pit_yield * ground * weight / mean)


def _refuse(name: str, values: FloatArray, good: BoolArray, expected: str) -> None:
    """Refuse values that are not good, with the first of them."""
    for place in np.argwhere(~good)[:1]:
        at = ", ".join(str(i) for i in place)
        raise ScenarioError(
            204, f"{name} [{at}]" if at else name, got=f"{values[tuple(place)]:g}", expected=expected,
            remedy="Correct the value",
        )  # fmt: skip
