"""Tables of a scenario file: pits, what they use and lose, substances, water."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, model_validator

from sim.scenario.base import (
    Area,
    Concentration,
    Distance,
    FilePath,
    Flag,
    Label,
    Latitude,
    Longitude,
    PositiveDistance,
    Rate,
    Share,
    Table,
)
from sim.scenario.quantity import Count, Quantities, Quantity, Sourced, SourcedList, Whole, default

SUBSTANCE_NAMES = ("ammonium", "sulfate", "oxalate", "lead")

Ratio = Annotated[Sourced, Quantity("1", ge=0, le=1000)]
TemperatureFactor = Annotated[Sourced, Quantity("1", ge=1, le=1.2)]
MassRatio = Annotated[Sourced, Quantity("kg/kg", ge=0, lt=1)]
LogKd = Annotated[Sourced, Quantity("log10(L/kg)", ge=0, le=8)]
PhSlope = Annotated[Sourced, Quantity("1", ge=0, le=3)]
SettlingVelocity = Annotated[Sourced, Quantity("m/s", ge=0, le=0.1)]
#: above zero, because settling divides by it
Stress = Annotated[Sourced, Quantity("Pa", gt=0, le=1000)]
#: above zero, because a power law of discharge is drawn through the two
Solids = Annotated[Sourced, Quantity("kg/m3", gt=0, le=1000)]
Ph = Annotated[Sourced, Quantity("1", ge=0, le=14)]

_THETA = "Factor on the loss rate per degree above 20 degC; 1 for none."
_LOG_KD = "Logarithm of the partition coefficient of lead at pH 7, in L/kg."
_PH_SLOPE = "Rise of the logarithm of the partition coefficient per unit of pH."
_SETTLING = "Velocity at which particles with lead settle."
_CRITICAL = "Bed shear below which particles settle."


class Zone(Table):
    """Where illustrative sites are placed."""

    name: Label = Field(description="Name of the zone, unique among zones.")
    sites: Annotated[Count, Whole(ge=1, le=100_000)] = Field(description="Number of sites placed in the zone.")
    drains_to: tuple[str, ...] = Field(default=(), description="Stations every site must drain through.")
    drains_not_to: tuple[str, ...] = Field(default=(), description="Stations no site may drain through.")
    lon: Longitude = Field(description="Longitude of the centre distances are measured from, WGS84.")
    lat: Latitude = Field(description="Latitude of the centre distances are measured from, WGS84.")
    min_distance: Distance = Field(default=default(0.0), description="Least distance of a site from the centre.")
    max_distance: PositiveDistance = Field(description="Greatest distance of a site from the centre.")
    toward: Label | None = Field(
        default=None,
        description="Station in whose direction, seen from the centre, sites lie; all around when left out.",
    )
    half_angle: Annotated[Sourced, Quantity("deg", gt=0, le=180)] = Field(
        default=default(60.0, "deg", "C"), description="Greatest angle between a site and the direction of `toward`."
    )
    clusters: Annotated[Count, Whole(ge=1, le=10_000)] = Field(
        default=default(1), description="Number of clusters of sites."
    )
    cluster_radius: PositiveDistance = Field(default=default(1500.0), description="Radius of a cluster.")
    pits_weight: Annotated[Sourced, Quantity("1", gt=0, le=1000)] = Field(
        default=default(1.0), description="Weight of a site here when pits of a year are shared among its sites."
    )
    report_distance_to: Label | None = Field(
        default=None, description="Station on whose river the nearest channel's distance to the sites is reported."
    )
    report_min_area: Area | None = Field(default=None, description="Drainage area that channel must have at least.")
    reported_distance: PositiveDistance | None = Field(
        default=None, description="Distance a report gives, shown beside the computed one."
    )


class Generate(Table):
    """Illustrative sites made from yearly counts, placed on plausible slopes."""

    years: Annotated[SourcedList, Quantities("1", ge=1900, le=2200, whole=True)] = Field(
        description="Years of the counts."
    )
    sites: Annotated[SourcedList, Quantities("1", ge=0, le=1e6, whole=True)] = Field(
        description="New sites of each year."
    )
    pits: Annotated[SourcedList, Quantities("1", ge=0, le=1e7, whole=True)] = Field(
        description="Pits of each year's new sites."
    )
    max_slope: Annotated[Sourced, Quantity("1", gt=0, le=5)] = Field(
        default=default(0.7), description="Steepest slope, rise over run, a site is placed on."
    )
    zone: tuple[Zone, ...] = Field(min_length=1, description="Where sites are placed.")


class PitsSection(Table):
    """Mining sites: a file of your own, or illustrative ones made from counts."""

    illustrative: Flag = Field(
        description="Whether positions are made up; left out, it is true for generated sites and false for a file."
    )
    file: FilePath | None = Field(
        default=None, description="CSV, GeoJSON or GeoPackage of sites with name, lon, lat, pits, year and group."
    )
    generate: Generate | None = Field(default=None, description="Counts and zones to generate illustrative sites from.")

    @model_validator(mode="before")
    @classmethod
    def _illustrative_by_origin(cls, data: Any) -> Any:
        return {"illustrative": "generate" in data, **data} if isinstance(data, dict) else data


class SourcesSection(Table):
    """Chemicals a pit uses and the share that is lost."""

    oxide_per_pit: Annotated[Sourced, Quantity("kg/s", ge=0, le=0.05)] = Field(
        description="Rare-earth oxide a pit yields; bare numbers are kg/s, most sources give t/a."
    )
    ammonium_sulfate_per_oxide: Ratio = Field(description="Ammonium sulfate used per oxide, mass over mass.")
    oxalic_acid_per_oxide: Ratio = Field(description="Oxalic acid used per oxide, mass over mass.")
    oxalic_acid_excess: Share = Field(description="Share of the oxalic acid not bound to oxalates.")
    loss_fraction: Share = Field(description="Share of the leach solution not recovered.")
    fast_share: Share = Field(description="Share of the loss that runs off over land; the rest seeps through soil.")
    overland_length: Distance = Field(description="Length of hillslope over which overland attenuation acts.")
    drained_area: Area = Field(description="Area a site drains, for drainage with lead.")
    lead_in_drainage: Concentration = Field(description="Lead in the drainage of a site.")


class Reagent(Table):
    """A substance the pits bring in."""

    slow_share: Share = Field(description="Share of what seeps through soil that reaches the channel.")
    overland_attenuation: Annotated[Sourced, Quantity("1/m", ge=0, le=10)] = Field(
        description="Exponential loss per length of overland flow."
    )
    loss_rate: Rate = Field(description="First-order loss in channels at 20 degC.")
    temperature_factor: TemperatureFactor = Field(default=default(1.0), description=_THETA)
    background: Concentration = Field(description="Concentration in water that no pit has touched.")


class Lead(Table):
    """Lead mobilised from rock and soil."""

    slow_share: Share = Field(description="Share of what seeps through soil that reaches the channel.")
    overland_attenuation: Annotated[Sourced, Quantity("1/m", ge=0, le=10)] = Field(
        description="Exponential loss per length of overland flow."
    )
    loss_rate: Rate = Field(
        default=default(0.0), description="First-order loss in channels besides settling, at 20 degC."
    )
    temperature_factor: TemperatureFactor = Field(default=default(1.0), description=_THETA)
    background_on_solids: MassRatio = Field(description="Lead on suspended particles that no pit has touched.")
    partition_log_kd: LogKd = Field(description=_LOG_KD)
    partition_ph_slope: PhSlope = Field(description=_PH_SLOPE)
    settling_velocity: SettlingVelocity = Field(description=_SETTLING)
    critical_shear: Stress = Field(description=_CRITICAL)


class WaterSection(Table):
    """Water that particles and lead live in."""

    ph: Ph = Field(default=default(7.0, "", "C: not modelled in this version"), description="pH of river water.")
    suspended_solids_dry: Solids = Field(description="Suspended solids in the driest month.")
    suspended_solids_wet: Solids = Field(description="Suspended solids in the wettest month.")


class ChannelReagent(Table):
    """A substance in a channel scenario; its concentrations and loads stand in the table of reaches."""

    loss_rate: Rate = Field(default=default(0.0), description="First-order loss at 20 degC.")
    temperature_factor: TemperatureFactor = Field(default=default(1.0), description=_THETA)


class ChannelLead(Table):
    """Lead in a channel scenario."""

    loss_rate: Rate = Field(default=default(0.0), description="First-order loss besides settling, at 20 degC.")
    temperature_factor: TemperatureFactor = Field(default=default(1.0), description=_THETA)
    partition_log_kd: LogKd = Field(default=default(5.6, "", "M: Allison and Allison 2005"), description=_LOG_KD)
    partition_ph_slope: PhSlope = Field(default=default(0.42, "", "F: Carlon et al. 2004"), description=_PH_SLOPE)
    settling_velocity: SettlingVelocity = Field(default=default(0.0), description=_SETTLING)
    critical_shear: Stress = Field(default=default(0.3, "", "M: 0.1-1.0"), description=_CRITICAL)


class ChannelWater(Table):
    """Water of a channel scenario."""

    ph: Ph = Field(default=default(7.0, "", "C: not modelled in this version"), description="pH of river water.")
    suspended_solids: Concentration = Field(default=default(0.0), description="Suspended solids.")


Each = TypeVar("Each")


class _ByName(Generic[Each]):
    """The four substances by name, besides as attributes."""

    def __getitem__(self, name: str) -> Each:
        if name not in SUBSTANCE_NAMES:
            raise KeyError(name)
        found: Each = getattr(self, name)
        return found

    def keys(self) -> tuple[str, ...]:
        """Names in the order of the registry."""
        return SUBSTANCE_NAMES

    def items(self) -> Iterator[tuple[str, Each]]:
        """Pairs of name and table."""
        return ((name, self[name]) for name in SUBSTANCE_NAMES)


class Substances(Table, _ByName[Reagent | Lead]):
    """What happens to each substance on its way."""

    ammonium: Reagent = Field(description="Total ammonia nitrogen, as N.")
    sulfate: Reagent = Field(description="Sulfate, as SO4.")
    oxalate: Reagent = Field(description="Oxalate, as C2O4.")
    lead: Lead = Field(description="Lead mobilised from rock and soil.")


class ChannelSubstances(Table, _ByName[ChannelReagent | ChannelLead]):
    """What happens to each substance in the channel."""

    ammonium: ChannelReagent = Field(default_factory=ChannelReagent, description="Total ammonia nitrogen, as N.")
    sulfate: ChannelReagent = Field(default_factory=ChannelReagent, description="Sulfate, as SO4.")
    oxalate: ChannelReagent = Field(default_factory=ChannelReagent, description="Oxalate, as C2O4.")
    lead: ChannelLead = Field(default_factory=ChannelLead, description="Lead.")
