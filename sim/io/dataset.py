"""result.nc: every array of a run as CF-1.11 NetCDF4, names and units from the registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.io.disk import library_writes
from sim.io.worst import distance_kinds
from sim.registry import SECONDS_PER_DAY, SUBSTANCES, VARIABLES

if TYPE_CHECKING:
    import xarray as xr

    from sim.pipeline.result import Result

Field = tuple[tuple[str, ...], Any, dict[str, Any]]

_LONGITUDE = {"long_name": "longitude", "units": "degrees_east", "standard_name": "longitude"}
_LATITUDE = {"long_name": "latitude", "units": "degrees_north", "standard_name": "latitude"}
_FIELD = ("time", "node")
_SUBSTANCE_FIELD = ("time", "substance", "node")
#: Auxiliary coordinates of whatever has a dimension, in the order CF's attribute `coordinates` names them.
_COORDINATES = {
    "node": "lon lat",
    "receptor": "receptor_lon receptor_lat",
    "site": "site_lon site_lat",
    "time": "period",
}
#: Variables that say where or when values are: CF allows coordinates no missing values and so no _FillValue.
_PLACES = ("time", "time_bounds", "lon", "lat", "x", "y", "channel_x", "channel_y")
_CLIMATOLOGY = (
    "Every period is a steady state of the same month of a mean year; "
    "the year in the units stands for no particular year."
)
REFERENCES = (
    "Barnes et al. 2014 doi:10.1016/j.cageo.2013.04.024; Lindsay 2016 doi:10.1002/hyp.10648; "
    "Leopold and Maddock 1953 doi:10.3133/pp252"
)


def _as(variable: str, long_name: str = "", **extra: Any) -> dict[str, Any]:
    """CF attributes of a registry variable."""
    row = VARIABLES[variable]
    attributes: dict[str, Any] = {"long_name": long_name or row.sentence.rstrip("."), "units": row.unit}
    if row.standard_name and not extra.pop("plain", False):
        attributes["standard_name"] = row.standard_name
    extra.pop("plain", None)
    return {**attributes, **extra}


def _text(values: Sequence[str]) -> Any:
    return np.array(list(values), dtype=object) if len(values) else np.zeros(0, dtype=object)


def _bare(long_name: str, **extra: Any) -> dict[str, Any]:
    return {"long_name": long_name, **extra}


def build_dataset(result: Result) -> xr.Dataset:
    """Return every array of a result as one dataset.

    Parameters
    ----------
    result : Result

    Returns
    -------
    xarray.Dataset
        Dimensions time, substance, node, node_edge, channel (channel cells), threshold, receptor, site, link.
        ``down``, ``channel_cell``, ``channel_start`` and the other network arrays are enough to build the
        network again.
    """
    import xarray as xr

    fields: dict[str, Field] = {}
    fields.update(_network(result))
    fields.update(_flow(result))
    fields.update(_chemistry(result))
    fields.update(_budget(result))
    fields.update(_exposure(result))
    fields.update(_sites(result))
    if result.network.crs_wkt:
        fields["crs"] = ((), np.int32(0), _crs(result.network.crs_wkt))
        for name in ("x", "y", "channel_x", "channel_y"):
            if name in fields:
                fields[name][2]["grid_mapping"] = "crs"
    for name, (dimensions, _, attributes) in fields.items():
        named = [word for key, words in _COORDINATES.items() if key in dimensions for word in words.split()]
        named = [word for word in named if word in fields or word in ("lon", "lat", "period")]
        if named and name not in named:
            attributes["coordinates"] = " ".join(named)
    edges = result.flow.time_edges / SECONDS_PER_DAY
    fields["time_bounds"] = (("time", "bound"), np.column_stack([edges[:-1], edges[1:]]), {})
    return xr.Dataset(
        {
            name: xr.Variable(dimensions, values, attributes)
            for name, (dimensions, values, attributes) in fields.items()
        },
        coords=_coordinates(result),
        attrs=_global(result),
    )


def _coordinates(result: Result) -> dict[str, Any]:
    import xarray as xr

    edges = result.flow.time_edges / SECONDS_PER_DAY
    middle = 0.5 * (edges[:-1] + edges[1:])
    place = {"long_name": "longitude of the node's upstream end", "units": "degrees_east", "standard_name": "longitude"}
    time = {
        "long_name": "middle of the period",
        "units": "days since 2001-01-01",
        "standard_name": "time",
        "calendar": "standard",
        "axis": "T",
        "bounds": "time_bounds",
        "comment": _CLIMATOLOGY,
    }
    return {
        "time": xr.Variable("time", middle, time),
        "period": xr.Variable("time", _text(result.period_names), _bare("name of the period")),
        "substance": xr.Variable("substance", _text(result.concentration.substances), _bare("substance, as carried")),
        "lon": xr.Variable("node", result.longitude, place),
        "lat": xr.Variable(
            "node",
            result.latitude,
            {"long_name": "latitude of the node's upstream end", "units": "degrees_north", "standard_name": "latitude"},
        ),
    }


def _global(result: Result) -> dict[str, Any]:
    from sim import __version__

    about = result.scenario.scenario
    attributes = {
        "Conventions": "CF-1.11",
        "title": str(getattr(about, "title", "") or about.name),
        "summary": str(getattr(about, "description", "")),
        "source": f"LeachSim {__version__}, modelled",
        "history": f"leachsim run {about.name}",
        "references": REFERENCES,
        "comment": "; ".join(result.labels),
        "prior_only": "yes" if getattr(about, "prior_only", False) else "no",
    }
    if result.terrain is not None:
        attributes["terrain"] = f"{result.terrain.grid.label}; {result.terrain.engine}: {result.terrain.method}"
    if result.warnings:
        attributes["warnings"] = "\n".join(result.warnings)
    if result.notes:
        attributes["notes"] = "\n".join(result.notes)
    return attributes


def _crs(wkt: str) -> dict[str, Any]:
    from pyproj import CRS

    return {key: value for key, value in CRS.from_wkt(wkt).to_cf().items() if value is not None}


def _network(result: Result) -> dict[str, Field]:
    network = result.network
    node, channel = ("node",), ("channel",)
    fields: dict[str, Field] = {
        "down": (node, network.down, _bare("number of the node below, -1 at an outlet")),
        "node_name": (node, _text(network.name), _bare("name of the node's upstream end")),
        "reach": (node, network.reach, _bare("number of the reach between confluences")),
        "cell": (node, network.cell, _bare("flat terrain cell of the upstream end, -1 where none")),
        "length": (node, network.length, _as("length")),
        "slope": (node, network.slope, _as("slope")),
        "area_in": (node, network.area_in, _as("drainage_area", "drainage area at the upstream end")),
        "area": (node, network.area, _as("drainage_area", "drainage area at the downstream end")),
        "boundary_area": (
            node,
            network.boundary_area,
            _as("drainage_area", "area of the declared inflow over the edge"),
        ),
        "elevation": (node, network.elevation, _as("elevation", "height of the bed at the upstream end")),
        "channel_start": (
            ("node_edge",),
            network.channel_start,
            _bare("node i owns channel_cell[channel_start[i]:channel_start[i+1]]"),
        ),
        "channel_cell": (channel, network.channel_cell, _bare("flat terrain cell of every channel cell")),
        "channel_distance": (channel, network.channel_distance, _as("length", "distance from the node's upstream end")),
        "link_from": (("link",), network.link_from, _bare("node a diversion leaves")),
        "link_to": (("link",), network.link_to, _bare("node a diversion joins")),
        "discharge_station": (
            ("station",),
            np.array(list(result.stations.values()), dtype=np.int64),
            _bare("node of the station"),
        ),
        "station_name": (("station",), _text(list(result.stations)), _bare("name of the station")),
    }
    if network.crs_wkt:
        fields["x"] = (
            node,
            network.x,
            {"long_name": "x of the upstream end", "units": "m", "standard_name": "projection_x_coordinate"},
        )
        fields["y"] = (
            node,
            network.y,
            {"long_name": "y of the upstream end", "units": "m", "standard_name": "projection_y_coordinate"},
        )
    if result.terrain is not None:
        x, y = result.terrain.grid.centre(network.channel_cell)
        fields["channel_x"] = (
            channel,
            x,
            {"long_name": "x of the cell's centre", "units": "m", "standard_name": "projection_x_coordinate"},
        )
        fields["channel_y"] = (
            channel,
            y,
            {"long_name": "y of the cell's centre", "units": "m", "standard_name": "projection_y_coordinate"},
        )
    return fields


def _flow(result: Result) -> dict[str, Field]:
    flow = result.flow
    return {
        "discharge_in": (_FIELD, flow.discharge_in, _as("discharge", "discharge at the upstream end")),
        "discharge_out": (_FIELD, flow.discharge_out, _as("discharge", "discharge at the downstream end")),
        "lateral": (_FIELD, flow.lateral, _as("discharge", "water entering along the segment", plain=True)),
        "head": (
            _FIELD,
            flow.head,
            _as("discharge", "water entering at the upstream end from its hillslope", plain=True),
        ),
        "boundary": (_FIELD, flow.boundary, _as("discharge", "declared inflow over the terrain's edge", plain=True)),
        "width": (_FIELD, flow.width, _as("width")),
        "depth": (_FIELD, flow.depth, _as("depth")),
        "velocity": (_FIELD, flow.velocity, _as("velocity")),
        "shear_stress": (_FIELD, flow.shear, _as("shear_stress")),
        "temperature": (_FIELD, flow.temperature, _as("temperature")),
    }


def _chemistry(result: Result) -> dict[str, Field]:
    concentration, reactions, load = result.concentration, result.reactions, result.load
    names = "; ".join(f"{name}: {SUBSTANCES[name].label}" for name in concentration.substances)
    channel = ("time", "substance", "channel")
    carried = {"comment": names}

    def amount(text: str) -> dict[str, Any]:
        return _as("concentration", text, **carried)

    share = concentration.dissolved_fraction
    return {
        "concentration_in": (_SUBSTANCE_FIELD, concentration.inlet, amount("total concentration at the upstream end")),
        "concentration_out": (
            _SUBSTANCE_FIELD,
            concentration.outlet,
            amount("total concentration at the downstream end"),
        ),
        "concentration_from_pits_in": (
            _SUBSTANCE_FIELD,
            concentration.pit_inlet,
            amount("part from pits, upstream end"),
        ),
        "concentration_from_pits_out": (
            _SUBSTANCE_FIELD,
            concentration.pit_outlet,
            amount("part from pits, downstream end"),
        ),
        "dissolved_in": (
            _SUBSTANCE_FIELD,
            concentration.inlet * share,
            amount("dissolved concentration, upstream end"),
        ),
        "dissolved_out": (
            _SUBSTANCE_FIELD,
            concentration.outlet * share,
            amount("dissolved concentration, downstream end"),
        ),
        "dissolved_fraction": (_SUBSTANCE_FIELD, share, _as("dissolved_fraction")),
        "loss_rate": (_SUBSTANCE_FIELD, reactions.loss_rate, _as("loss_rate")),
        "suspended_solids": (_FIELD, reactions.suspended_solids, _as("suspended_solids")),
        "background_head": (
            _SUBSTANCE_FIELD,
            load.background_head,
            amount("background of water entering at the upstream end"),
        ),
        "background_lateral": (
            _SUBSTANCE_FIELD,
            load.background_lateral,
            amount("background of water entering along the segment"),
        ),
        "background_boundary": (
            _SUBSTANCE_FIELD,
            load.background_boundary,
            amount("background of declared inflow over the edge"),
        ),
        "channel_concentration": (
            channel,
            result.channel_concentration,
            amount("total concentration on channel cells"),
        ),
        "channel_concentration_from_pits": (
            channel,
            result.channel_pit_concentration,
            amount("part from pits on channel cells"),
        ),
    }


def _budget(result: Result) -> dict[str, Field]:
    budget, both = result.budget, ("time", "substance")
    words = {
        "from_pits": "mass from pits",
        "from_background": "mass from background",
        "out": "mass leaving the network",
        "reacted": "mass lost on the way",
        "stored": "mass stored",
        "error": "mass missing from the balance",
    }
    fields: dict[str, Field] = {
        f"budget_{name}": (both, getattr(budget, name), _bare(text, units="kg")) for name, text in words.items()
    }
    fields["budget_relative_error"] = (both, budget.relative_error, _bare("error over what came in", units="1"))
    for line, mass in result.load.ledger.items():
        fields[f"ledger_{line}"] = (
            ("substance",),
            mass,
            _bare(f"mass {line.replace('_', ' ')} in a year", units="kg year-1"),
        )
    return fields


def _exposure(result: Result) -> dict[str, Field]:
    exposure = result.exposure
    if exposure is None:
        return {}
    flag = {"flag_values": np.array([0, 1], dtype=np.int8), "flag_meanings": "no yes"}
    criteria, receptors = exposure.thresholds, exposure.receptors
    per, one, place = ("threshold", "time", "node"), ("threshold",), ("receptor",)
    return {
        "threshold_id": (one, _text([c.identifier for c in criteria]), _bare("criterion")),
        "threshold_substance": (one, _text([c.substance for c in criteria]), _bare("substance compared")),
        "threshold_value": (one, np.array([c.value for c in criteria]), _as("concentration", "criterion, as carried")),
        "threshold_fraction": (one, _text([c.fraction for c in criteria]), _bare("total or dissolved is compared")),
        "threshold_source": (one, _text([f"{c.jurisdiction}: {c.source}" for c in criteria]), _bare("source")),
        "threshold_evidence": (one, _text([c.evidence for c in criteria]), _bare("evidence mark of the criterion")),
        "quotient": (per, exposure.quotient, _as("hazard_quotient", "worst on the node over the criterion")),
        "quotient_without_pits": (per, exposure.background_quotient, _as("hazard_quotient", "the same without pits")),
        "months_above": (("threshold", "node"), exposure.months_above, _bare("periods above the criterion", units="1")),
        "exceeded_length": (one, exposure.exceeded_length, _as("length", "channel above it in at least one period")),
        "exceeded_length_without_pits": (one, exposure.exceeded_length_background, _as("length", "even without pits")),
        "exceeded_length_pits_alone": (one, exposure.exceeded_length_pits, _as("length", "by pits alone")),
        "downstream": (("node",), exposure.downstream.astype(np.int8), _bare("1 below at least one site", **flag)),
        "travel_time": (_FIELD, exposure.travel_time, _as("travel_time")),
        "receptor_name": (place, _text(receptors.name), _bare("receptor")),
        "receptor_kind": (place, _text(receptors.kind), _bare("kind of receptor")),
        "receptor_status": (place, _text(receptors.status), _bare("what is known of its position")),
        "receptor_node": (place, receptors.node, _bare("node at whose upstream end it lies, -1 where none")),
        "receptor_lon": (place, receptors.longitude, dict(_LONGITUDE)),
        "receptor_lat": (place, receptors.latitude, dict(_LATITUDE)),
        "receptor_distance": (place, receptors.distance, _as("length", "distance from the receptor to the river")),
        "receptor_distance_is": (place, _text(distance_kinds(exposure)), _bare("way receptor_distance was measured")),
    }  # fmt: skip


def _sites(result: Result) -> dict[str, Field]:
    load, pits, site = result.load, result.pits, ("site",)
    fields: dict[str, Field] = {
        "site_node": (site, load.node, _bare("node the site's load enters, -1 where it leaves the terrain")),
        "site_load": (("time", "substance", "site"), load.rate, _as("load", "load reaching the river")),
    }
    if pits is None:
        return fields
    fields |= {
        "site_name": (site, _text(pits.name), _bare("site")),
        "site_group": (site, _text(pits.group), _bare("group of the site")),
        "site_pits": (site, pits.pits, _bare("number of pits", units="1")),
        "site_year": (site, pits.year, _bare("year first seen, 0 where unknown")),
        "site_lon": (site, pits.longitude, dict(_LONGITUDE)),
        "site_lat": (site, pits.latitude, dict(_LATITUDE)),
    }
    if pits.illustrative:
        for name in ("site_lon", "site_lat"):
            fields[name][2]["comment"] = "illustrative position, not surveyed"
    return fields


def write_dataset(path: str | Path, result: Result) -> None:
    """Write result.nc: compressed NetCDF4 without any clock time, so that it repeats byte for byte.

    Raises
    ------
    DataError
        LS-310 when the disk is full or not writable.
    """
    # As data variables: xarray would name coordinates a second time, in an attribute of the file that CF lacks.
    dataset = build_dataset(result).reset_coords()
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        if variable.dtype.kind in "fiub" and variable.ndim > 0:
            encoding[str(name)] = {"zlib": True, "complevel": 4, "shuffle": True}
        if variable.dtype.kind in "iub" or name in _PLACES:
            encoding.setdefault(str(name), {})["_FillValue"] = None
    # A file and not memory: HDF5 puts clock times into images it builds in memory.
    target = Path(path)
    try:
        with library_writes(target):
            dataset.to_netcdf(target, engine="netcdf4", format="NETCDF4", encoding=encoding)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
