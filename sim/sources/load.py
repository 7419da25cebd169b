"""Release of reagents at the pits and their delivery to the channel, steady first form.

Masses are carried as the registry says: ammonium as N, sulfate as SO4, oxalate as C2O4, lead as Pb.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from sim.arrays import FloatArray, canonicalise, frozen
from sim.errors import BalanceError
from sim.network.objects import Snapped
from sim.registry import SECONDS_PER_YEAR, SUBSTANCES
from sim.sources.objects import LEDGER_LINES, Entries, Load, Pits, per_site

#: (NH4)2SO4 and H2C2O4, kg/mol
AMMONIUM_SULFATE, OXALIC_ACID = 132.14e-3, 90.03e-3
#: mass of each substance, as it is carried, in a mass of the reagent it comes from
NITROGEN_IN_AMMONIUM_SULFATE = 2.0 * SUBSTANCES["ammonium"].molar_mass / AMMONIUM_SULFATE
SULFATE_IN_AMMONIUM_SULFATE = SUBSTANCES["sulfate"].molar_mass / AMMONIUM_SULFATE
OXALATE_IN_OXALIC_ACID = SUBSTANCES["oxalate"].molar_mass / OXALIC_ACID
#: relative error at which the ledger counts as closed
LEDGER_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class ReleaseParameters:
    """What a pit uses and loses.

    Parameters
    ----------
    oxide_per_pit : kg/s of rare-earth oxides
    ammonium_sulfate_per_oxide, oxalic_acid_per_oxide : kg/kg
    oxalic_acid_excess : share of the oxalic acid that is not bound to rare-earth oxalate
    loss_fraction : share of the liquor that is not recovered
    drained_area : m2 of worked ground a site drains
    lead_in_drainage : kg/m3 of lead in the water that leaves this ground

    Raises
    ------
    ValueError
        If a value is negative or not finite, or a share exceeds one.
    """

    oxide_per_pit: float
    ammonium_sulfate_per_oxide: float
    oxalic_acid_per_oxide: float
    oxalic_acid_excess: float
    loss_fraction: float
    drained_area: float
    lead_in_drainage: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            most = 1.0 if field.name in ("oxalic_acid_excess", "loss_fraction") else math.inf
            if not (0.0 <= value <= most and math.isfinite(value)):
                raise ValueError(f"{field.name} = {value} must lie in [0, {most}]")


@dataclass(frozen=True, slots=True)
class DeliveryParameters:
    """How lost mass travels down the hillslope; s substances.

    Parameters
    ----------
    fast_share : share of the loss that runs off over land
    overland_length : m, greatest distance over which overland flow infiltrates
    overland_attenuation : (s,) 1/m, infiltration of overland flow
    slow_share : (s,) share of what enters the soil that reaches the channel in steady state

    Raises
    ------
    ValueError
        If a value is negative or not finite, or a share exceeds one.
    """

    fast_share: float
    overland_length: float
    overland_attenuation: FloatArray
    slow_share: FloatArray

    def __post_init__(self) -> None:
        canonicalise(self, overland_attenuation=(np.float64, (-1,)), slow_share=(np.float64, (-1,)))
        if self.overland_attenuation.size != self.slow_share.size:
            raise ValueError("overland_attenuation and slow_share differ in length")
        shares = np.append(self.slow_share, self.fast_share)
        lengths = np.append(self.overland_attenuation, self.overland_length)
        if np.any(~((shares >= 0.0) & (shares <= 1.0))) or np.any(~(lengths >= 0.0) | ~np.isfinite(lengths)):
            raise ValueError(f"delivery parameters out of range: {self}")


def background(concentration: FloatArray, on_solids: FloatArray, suspended_solids: FloatArray) -> FloatArray:
    """Concentration in water that no pit has touched: ``C = C0 + q * SPM``.

    Parameters
    ----------
    concentration : (s,) kg/m3, constant part
    on_solids : (s,) kg/kg, mass on suspended solids
    suspended_solids : (t, n) kg/m3

    Returns
    -------
    (t, s, n) kg/m3

    Examples
    --------
    >>> background(np.array([0.0]), np.array([30e-6]), np.array([[0.3]])).tolist()
    [[[9e-06]]]
    """
    c0, q = np.asarray(concentration, dtype=np.float64), np.asarray(on_solids, dtype=np.float64)
    solids = frozen(suspended_solids, np.float64, (-1, -1), "suspended_solids")
    if c0.shape != q.shape or c0.ndim != 1:
        raise ValueError(f"concentration {c0.shape} and on_solids {q.shape} must be (s,)")
    return np.asarray(c0[None, :, None] + q[None, :, None] * solids[:, None, :])


def steady_load(
    pits: Pits,
    snapped: Snapped,
    *,
    substances: tuple[str, ...],
    release: ReleaseParameters,
    delivery: DeliveryParameters,
    local_runoff: FloatArray,
    shape: FloatArray,
    duration: FloatArray,
    background: FloatArray,
    background_boundary: FloatArray | None = None,
    entries: Entries | None = None,
) -> Load:
    """Mass that reaches the channel from every site in every period, and the ledger of the rest.

    Reagents, per site with N pits, in kg/s as carried (f: mass share of the substance in the reagent)::

        applied   = N * oxide_per_pit * reagent_per_oxide * f
        consumed  = (1 - oxalic_acid_excess) * applied                 oxalate only: bound to rare-earth oxalate
        free      = applied - consumed
        recovered = (1 - loss_fraction) * free
        lost      = loss_fraction * free
        fast      = fast_share * lost * exp(-b * min(X, overland_length))
        slow      = slow_share * (lost - fast)                         what infiltrates on the way joins the soil
        held      = lost - fast - slow
        rate(t)   = fast * shape(t) + slow

    X is the length of the flow path from the pit to the channel; exp(-b X) is the overland decline of Lu et al.
    (2017, doi 10.5194/se-8-845-2017) read as infiltration, used as a normalised factor on hillslopes only. The
    fast part follows the months' runoff, the slow part is constant.

    Lead is no reagent. Per site, whatever its number of pits::

        mobilised(t) = lead_in_drainage * drained_area * local_runoff(t)

    splits into the same fast and slow parts, both in step with the runoff.

    A site whose flow path leaves the terrain has node -1 and rate 0; what it would deliver is "off_terrain".

    Where `entries` says that a site's load takes several ways, each way has its share of the loss and of the lead
    mobilised, and X is the mean length of its paths. What a way without a channel would deliver is "off_terrain".

    Parameters
    ----------
    pits : Pits, k sites
    snapped : Snapped, k sites
    substances : s names among ammonium, sulfate, oxalate and lead
    release : ReleaseParameters
    delivery : DeliveryParameters, s substances
    local_runoff : (t, k) m/s, runoff depth at each site
    shape : (t,) runoff over its mean; its mean over `duration` is 1
    duration : (t,) s
    background : (t, s, n) kg/m3, concentration of head and lateral water, from `background`
    background_boundary : (t, s, n) kg/m3, of declared inflows; as `background` where not given
    entries : where each site's load enters when hillslopes spread it; at its snapped node where not given

    Returns
    -------
    Load

    Raises
    ------
    BalanceError
        LS-401 when ``applied + mobilised = recovered + consumed + held + delivered + off_terrain`` fails by more
        than 1e-9 for a substance.
    ValueError
        If shapes differ, a substance is unknown or `shape` has another mean than 1.
    """
    k, s = pits.size, len(substances)
    duration = frozen(duration, np.float64, (-1,), "duration")
    t = duration.size
    shape = frozen(shape, np.float64, (t,), "shape")
    runoff = frozen(local_runoff, np.float64, (t, k), "local_runoff")
    if snapped.node.size != k or delivery.slow_share.size != s:
        raise ValueError(f"{k} sites but {snapped.node.size} snapped; {s} substances but {delivery.slow_share.size}")
    ways = entries or Entries(np.arange(k), snapped.node, np.ones(k), snapped.path_length)
    if ways.sites != k:
        raise ValueError(f"{k} sites but entries of {ways.sites}")
    _check_time(shape, duration, runoff)

    applied, free = _reagents(pits.pits, substances, release)
    recovered = (1.0 - release.loss_fraction) * free
    lost = release.loss_fraction * free
    is_lead = np.array([name == "lead" for name in substances])
    mobilised = is_lead[None, :, None] * (release.lead_in_drainage * release.drained_area * runoff)[:, None, :]

    # one row for each way from here on
    sent, rinsed = (np.take(mass, ways.site, axis=-1) * ways.share for mass in (lost, mobilised))
    fast, slow = _arriving_shares(ways.path_length, delivery)
    arriving = sent * (fast * shape[:, None, None] + slow) + rinsed * (fast + slow)
    held = sent * (1.0 - fast - slow) + rinsed * (1.0 - fast - slow)
    inside = ways.node >= 0
    rate = np.where(inside, arriving, 0.0)

    def yearly(mass_rate: FloatArray) -> FloatArray:
        """kg/a per substance of kg/s per (period,) substance and site or way."""
        full = np.broadcast_to(mass_rate, (t, s, mass_rate.shape[-1]))
        mean: FloatArray = np.einsum("t,tsk->s", duration, full) / duration.sum()
        return mean * SECONDS_PER_YEAR

    ledger = {
        "applied": yearly(applied),
        "mobilised": yearly(mobilised),
        "recovered": yearly(recovered),
        "consumed": yearly(applied - free),
        "held": yearly(held),
        "delivered": yearly(rate),
        "off_terrain": yearly(np.where(inside, 0.0, arriving)),
    }
    check_ledger(substances, ledger)
    return Load(
        substances=substances,
        node=snapped.node,
        rate=rate if entries is None else per_site(entries, rate),
        background_head=background,
        background_lateral=background,
        background_boundary=background if background_boundary is None else background_boundary,
        ledger=ledger,
        entries=entries,
        entry_rate=None if entries is None else rate,
    )


def check_ledger(substances: tuple[str, ...], ledger: dict[str, FloatArray]) -> FloatArray:
    """Relative error of the ledger of each substance, (s,).

    Raises
    ------
    BalanceError
        LS-401 when one exceeds 1e-9.
    ValueError
        If a line is missing.
    """
    if set(ledger) != set(LEDGER_LINES):
        raise ValueError(f"ledger lines {sorted(ledger)}, expected {sorted(LEDGER_LINES)}")
    source = ledger["applied"] + ledger["mobilised"]
    fate = sum(ledger[line] for line in LEDGER_LINES if line not in ("applied", "mobilised"))
    scale = np.maximum(np.abs(source), np.abs(fate))
    error = np.abs(source - fate) / np.where(scale > 0.0, scale, 1.0)
    wrong = np.flatnonzero(~(error <= LEDGER_TOLERANCE))
    if wrong.size:
        i = int(wrong[0])
        raise BalanceError(
            401,
            f"ledger of {substances[i]}",
            got=f"{error[i]:.2g} of the mass released",
            expected=f"What is applied or mobilised must be accounted for to {LEDGER_TOLERANCE:g}",
            remedy="Report this with the scenario",
        )
    return np.asarray(error)


def _check_time(shape: FloatArray, duration: FloatArray, runoff: FloatArray) -> None:
    """ValueError when periods, shape or runoff are impossible."""
    if np.any(~(duration > 0.0)) or np.any(~(shape >= 0.0)):
        raise ValueError("durations must be positive and shapes not negative")
    mean = float(np.average(shape, weights=duration))
    if abs(mean - 1.0) > 1e-9:
        raise ValueError(f"the mean of shape over the periods is {mean}, expected 1")
    if np.any(~(runoff >= 0.0) | ~np.isfinite(runoff)):
        raise ValueError("local_runoff must be finite and not negative")


def _reagents(
    pits: FloatArray, substances: tuple[str, ...], release: ReleaseParameters
) -> tuple[FloatArray, FloatArray]:
    """Applied reagent, and the part not bound to oxides, as each substance is carried, (s, k) kg/s."""
    unknown = [name for name in substances if name not in SUBSTANCES]
    if unknown:
        raise ValueError(f"unknown substances {unknown}")
    per_oxide = {
        "ammonium": release.ammonium_sulfate_per_oxide * NITROGEN_IN_AMMONIUM_SULFATE,
        "sulfate": release.ammonium_sulfate_per_oxide * SULFATE_IN_AMMONIUM_SULFATE,
        "oxalate": release.oxalic_acid_per_oxide * OXALATE_IN_OXALIC_ACID,
        "lead": 0.0,
    }
    unbound = {"oxalate": release.oxalic_acid_excess}
    factor = np.array([per_oxide[name] for name in substances])
    applied = factor[:, None] * (pits * release.oxide_per_pit)[None, :]
    return applied, applied * np.array([unbound.get(name, 1.0) for name in substances])[:, None]


def _arriving_shares(path_length: FloatArray, delivery: DeliveryParameters) -> tuple[FloatArray, FloatArray]:
    """Shares of the loss that reach the channel over land and through the soil, (s, k) each."""
    reach = np.minimum(path_length, delivery.overland_length)
    fast = delivery.fast_share * np.exp(-delivery.overland_attenuation[:, None] * reach[None, :])
    return fast, delivery.slow_share[:, None] * (1.0 - fast)
