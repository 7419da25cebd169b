"""Tables of a scenario file: terrain, network, hydrology, exposure, receptors, output."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

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
    Table,
    Text,
)
from sim.scenario.faults import Fault, did_you_mean, reject, shown
from sim.scenario.quantity import Count, Quantities, Quantity, Sourced, SourcedList, Whole, default

EMBEDDED = ("embedded:kachin",)
_EPSG = re.compile(r"(?:EPSG:)?(\d{4,5})", re.IGNORECASE)


def _crs(raw: Any) -> str:
    """ "auto" or EPSG:code, from a text or a whole number."""
    if raw == "auto":
        return "auto"
    match = _EPSG.fullmatch(str(raw)) if isinstance(raw, (str, int)) and not isinstance(raw, bool) else None
    if match is None:
        expected = 'Must be "auto" or an EPSG code such as "EPSG:32647"'
        raise reject([Fault(207, (), shown(raw), expected, 'Write crs = "auto" for the UTM zone of the centre')])
    return f"EPSG:{match.group(1)}"


def _dem(raw: Any) -> Any:
    if isinstance(raw, str) and raw.startswith("embedded:") and raw not in EMBEDDED:
        remedy = did_you_mean(raw, EMBEDDED, f"Embedded terrains are {', '.join(EMBEDDED)}")
        raise reject([Fault(207, (), shown(raw), "Must name an embedded terrain or a raster file", remedy)])
    return raw


class ScenarioSection(Table):
    """What the scenario is and how its random numbers start."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] = Field(
        description="Short name of the scenario, which names its run folders; letters, digits, - and _ only."
    )
    title: Label = Field(description="Title on the report and on figures.")
    description: Text = Field(default="", description="One or two sentences on what is computed.")
    seed: Annotated[Count, Whole(ge=0, le=2**63 - 1)] = Field(
        default=default(0), description="Start of the random numbers; the same seed repeats every file byte for byte."
    )
    prior_only: Flag = Field(
        default=True, description="Whether parameters come from literature alone, with nothing measured in the area."
    )


class KeptSink(Table):
    """A real sink that ends flow, such as an open pit or a tailings pond."""

    name: Label = Field(description="Name of the sink.")
    lon: Longitude = Field(description="Longitude, WGS84.")
    lat: Latitude = Field(description="Latitude, WGS84.")


class DepressionRule(Table):
    """What to do with the depressions that meet every limit given; of several rules the first that fits decides."""

    decision: Literal["keep", "fill", "carve"] = Field(
        description="Keep it as a sink that ends flow, fill it, or carve a way out of it."
    )
    min_depth: Annotated[Sourced, Quantity("m", ge=0, le=5000)] = Field(
        default=default(0.0), description="Least depth below the lowest way out."
    )
    max_depth: Annotated[Sourced, Quantity("m", ge=0, le=5000)] | None = Field(
        default=None, description="Greatest depth below the lowest way out."
    )
    min_area: Annotated[Sourced, Quantity("m2", ge=0, le=1e14)] = Field(
        default=default(0.0), description="Least area of the water surface at the lowest way out."
    )
    max_area: Annotated[Sourced, Quantity("m2", ge=0, le=1e14)] | None = Field(
        default=None, description="Greatest area of that water surface."
    )
    min_volume: Annotated[Sourced, Quantity("m3", ge=0, le=1e14)] = Field(
        default=default(0.0), description="Least volume of water below the lowest way out."
    )
    max_volume: Annotated[Sourced, Quantity("m3", ge=0, le=1e14)] | None = Field(
        default=None, description="Greatest volume of that water."
    )
    within: FilePath | None = Field(
        default=None, description="File of areas, relative to the scenario file; the lowest point must lie in one."
    )
    holds_site: Flag = Field(
        default=False, description="Whether a site of pits.file must lie under that water, as in an open mine pit."
    )


class TerrainSection(Table):
    """The elevation model and how it is made to drain."""

    dem: Annotated[FilePath, BeforeValidator(_dem)] = Field(
        description='Elevation raster GDAL can read, relative to the scenario file, or "embedded:kachin".'
    )
    bounds: Annotated[SourcedList, Quantities("deg", length=4, ge=-180, le=180)] | None = Field(
        default=None, description="West, south, east and north edge to crop to, WGS84; the whole raster when left out."
    )
    crs: Annotated[str, BeforeValidator(_crs), WithJsonSchema({"type": ["string", "integer"]})] = Field(
        default="auto", description='Metric grid to compute on: "auto" is the UTM zone of the centre, or an EPSG code.'
    )
    resolution: Annotated[Sourced, Quantity("m", ge=1, le=10_000)] | None = Field(
        default=None, description="Cell size of the metric grid; the raster's own when left out."
    )
    engine: Literal["native", "whitebox"] = Field(default="native", description="Program that conditions the terrain.")
    conditioning: Literal["auto", "carve", "fill"] = Field(
        default="auto",
        description="Whether depressions are carved open, filled, or carved up to carve_depth and filled beyond. "
        "Flow paths of the native engine are the same; heights differ.",
    )
    carve_depth: Annotated[Sourced, Quantity("m", ge=0, le=5000)] = Field(
        default=default(20.0, source="C: about the vertical error of global elevation models (M: SRTM 16 m at 90 %)"),
        description="Depth down to which a depression counts as shallow and is carved, with conditioning auto.",
    )
    hillslope_routing: Literal["d8", "dinf", "mfd"] = Field(
        default="d8",
        description="Whether a site's load runs down the hillslope on one path (d8) or spreads over the two (dinf) or "
        "all (mfd) lower cells beside each cell, and so enters the river in several places.",
    )
    burn_rivers: FilePath | None = Field(
        default=None, description="File of known river lines to burn into the terrain, relative to the scenario file."
    )
    burn_depth: Annotated[Sourced, Quantity("m", ge=0, le=1000)] = Field(
        default=default(40.0), description="Depth by which river lines of burn_rivers are lowered."
    )
    keep_sink: tuple[KeptSink, ...] = Field(default=(), description="Real sinks that end flow.")
    depression: tuple[DepressionRule, ...] = Field(
        default=(), description="Rules for single depressions, looked at in this order before conditioning."
    )
    whitebox_program: FilePath | None = Field(
        default=None,
        description="WhiteboxTools program, or the folder that holds it, to run instead of whitebox-workflows "
        "when engine is whitebox.",
    )


class InflowConcentration(Table):
    """Concentrations in a river that enters over the edge, where they differ from the background."""

    ammonium: Concentration | None = Field(default=None, description="Total ammonia nitrogen, as N.")
    sulfate: Concentration | None = Field(default=None, description="Sulfate, as SO4.")
    oxalate: Concentration | None = Field(default=None, description="Oxalate, as C2O4.")
    lead: Concentration | None = Field(default=None, description="Lead, dissolved and suspended together.")


class Inflow(Table):
    """A river that enters over the edge of the terrain."""

    name: Label = Field(description="Name of the inflow, unique among inflows.")
    lon: Longitude = Field(description="Longitude near the place where it enters, WGS84.")
    lat: Latitude = Field(description="Latitude near the place where it enters, WGS84.")
    search_radius: PositiveDistance = Field(
        default=default(5.0, "km"), description="Distance within which the place at the edge is looked for."
    )
    at: Literal["edge", "channel"] = Field(
        default="edge",
        description="Whether it enters at the terrain's edge, or joins the largest river nearby inside it.",
    )
    area: Area = Field(description="Drainage area outside the terrain that enters here.")
    discharge: Annotated[Sourced, Quantity("m3/s", gt=0, le=1e6)] | None = Field(
        default=None,
        description="Mean discharge that enters; from the runoff of the region and known means when left out.",
    )
    concentration: InflowConcentration | None = Field(
        default=None, description="Concentrations in the water that enters; the background of the region when left out."
    )


class Station(Table):
    """A named point on a river, found as the channel whose drainage area is nearest to the given one."""

    name: Label = Field(description="Name of the station, unique among stations.")
    lon: Longitude = Field(description="Longitude, WGS84.")
    lat: Latitude = Field(description="Latitude, WGS84.")
    drainage_area: Area | None = Field(
        default=None, description="Drainage area expected there; the nearest channel if left out."
    )
    search_radius: PositiveDistance = Field(
        default=default(5.0, "km"), description="Distance within which the channel is looked for."
    )


class River(Table):
    """A river's name, written on maps."""

    name: Label = Field(description="Name as it stands on the map.")
    lon: Longitude = Field(description="Longitude of the place where it is written, WGS84.")
    lat: Latitude = Field(description="Latitude of the place where it is written, WGS84.")


class NetworkSection(Table):
    """How channels are drawn from the terrain."""

    stream_area: Area = Field(
        default=default(5.0, "km2", "C: scale of perennial headwaters"),
        description="Drainage area at which a channel begins.",
    )
    max_length: PositiveDistance = Field(default=default(2000.0), description="Longest segment a reach is cut into.")
    sinuosity: Annotated[Sourced, Quantity("1", ge=1, le=5)] = Field(
        default=default(1.2, "", "D: D8 length is shorter than the true river by a factor 1.1-1.3"),
        description="Factor from length on the grid to length along the river.",
    )
    inflow: tuple[Inflow, ...] = Field(default=(), description="Rivers that enter over the edge of the terrain.")
    station: tuple[Station, ...] = Field(default=(), description="Named points on rivers.")
    river: tuple[River, ...] = Field(default=(), description="Names of rivers for the maps.")


class Rain(Table):
    """Monthly rain at one place."""

    name: Label = Field(description="Name of the rain gauge, unique among gauges.")
    lon: Longitude = Field(description="Longitude, WGS84.")
    lat: Latitude = Field(description="Latitude, WGS84.")
    monthly: Annotated[SourcedList, Quantities("m", length=12, ge=0, le=10)] = Field(
        description="Rain from January to December."
    )


class KnownMean(Table):
    """Mean discharge known at a station, to which runoff above it is scaled."""

    station: Label = Field(description="Name of a station of [[network.station]].")
    discharge: Annotated[Sourced, Quantity("m3/s", gt=0, le=1e6)] = Field(description="Mean annual discharge.")


class HydrologySection(Table):
    """Water: how much, where and when."""

    spread: Literal["rainfall", "uniform"] = Field(
        default="rainfall", description="Whether runoff follows rain in space or is the same everywhere."
    )
    runoff_coefficient: Annotated[Sourced, Quantity("1", gt=0, le=1)] = Field(description="Runoff over rain, yearly.")
    monthly_shape: Annotated[SourcedList, Quantities("1", length=12, ge=0, le=12)] = Field(
        description="Discharge of each month over the yearly mean, January to December, before the floor is applied."
    )
    dry_season_floor: Annotated[Sourced, Quantity("1", ge=0, lt=1)] = Field(
        description="Least monthly discharge over the yearly mean."
    )
    temperature: Annotated[Sourced, Quantity("degC", ge=0, le=45)] = Field(
        default=default(20.0, "degC"), description="Water temperature, for reaction rates."
    )
    manning: Annotated[Sourced, Quantity("s/m^(1/3)", ge=0.005, le=0.5)] = Field(
        default=default(0.040, "", "C: mountain gravel to cobble bed"),
        description="Manning's roughness of the bed; on slopes from 0.002 the least roughness, "
        "Jarrett's (1984) where it is larger.",
    )
    width_coefficient: Annotated[Sourced, Quantity("m at 1 m3/s", gt=0, le=100)] = Field(
        default=default(5.0, "", "C: 5 sqrt(Q) after Leopold and Maddock 1953"),
        description="a in width = a Q^b, with width in m and mean discharge Q in m3/s.",
    )
    width_exponent: Annotated[Sourced, Quantity("1", ge=0, le=1)] = Field(
        default=default(0.5, "", "C: Leopold and Maddock 1953"), description="b in width = a Q^b."
    )
    rain: tuple[Rain, ...] = Field(min_length=1, description="Rain gauges, at least one.")
    known_mean: tuple[KnownMean, ...] = Field(default=(), description="Stations whose mean discharge is known.")


class ExposureSection(Table):
    """What concentrations are compared with, and the zones about the sites."""

    thresholds: tuple[str, ...] = Field(min_length=1, description="Identifiers of thresholds to compare with.")
    circle_radius: Annotated[Sourced, Quantity("m", gt=0, le=5e5)] = Field(
        default=default(5.0, "mi", "F: ISP-Myanmar 2025: crops refused within five miles"),
        description="Radius of the zone about every site.",
    )
    circle_vertices: Annotated[Count, Whole(ge=128, le=4096)] = Field(
        default=default(256), description="Points on the edge of each circle."
    )
    corridor_height: Annotated[Sourced, Quantity("m", ge=0, le=500)] = Field(
        default=default(10.0, "", "C"),
        description="Height above the channel up to which land counts as beside the river.",
    )
    corridor_distance: Distance = Field(
        default=default(1000.0, "", "C"),
        description="Distance to the channel up to which land counts as beside the river.",
    )


class Receptor(Table):
    """A place people, animals or plants depend on; listed as not found while it has no position."""

    name: Label = Field(description="Name of the place, unique among receptors.")
    kind: Literal["town", "village", "intake", "hydropower", "dam", "monitoring", "other"] = Field(
        default="other", description="What is there."
    )
    lon: Longitude | None = Field(
        default=None, description="Longitude, WGS84; leave out with lat if nobody has located it."
    )
    lat: Latitude | None = Field(
        default=None, description="Latitude, WGS84; leave out with lon if nobody has located it."
    )
    drainage_area: Area | None = Field(
        default=None,
        description="Drainage area expected there, for places on a river; otherwise its own flow path is followed.",
    )
    search_radius: PositiveDistance = Field(
        default=default(5.0, "km"),
        description="Distance within which the channel is looked for when drainage_area is given.",
    )
    source: Text = Field(default="", description="Where the position comes from, with its evidence mark.")


class OutputSection(Table):
    """How results are written."""

    figure_dpi: Annotated[Count, Whole(ge=50, le=600)] = Field(
        default=default(150), description="Dots per inch of figures."
    )
