"""result.nc: CF attributes, exact values, and enough to build the network again."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

from sim.io.dataset import build_dataset, write_dataset
from sim.network.objects import RiverNetwork
from sim.pipeline.result import Result
from sim.registry import VARIABLES
from sim.testing.results import synthetic_channel_result, synthetic_result


@pytest.fixture(scope="module", params=["landscape", "channel"])
def result(request: pytest.FixtureRequest) -> Result:
    return synthetic_result() if request.param == "landscape" else synthetic_channel_result()


@pytest.fixture(scope="module")
def path(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("nc") / "result.nc"
    write_dataset(place, result)
    return place


def test_global_attributes(result: Result, path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        assert file.Conventions == "CF-1.11"
        for name in ("title", "source", "history", "references", "comment"):
            assert getattr(file, name)
        assert "modelled" in file.source
        for label in result.labels:
            assert label in file.comment
        assert file.data_model == "NETCDF4"


def test_every_variable_says_what_it_is(path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        for name, variable in file.variables.items():
            if name == "time_bounds":  # CF: bounds take their attributes from their parent
                continue
            if name == "crs":
                assert variable.grid_mapping_name
                continue
            assert variable.long_name, name
            if variable.dtype is not str and variable.dtype.kind == "f":
                assert variable.units, name


def test_units_and_names_are_those_of_the_registry(path: Path) -> None:
    with xr.open_dataset(path, decode_times=False) as dataset:
        for name, row in (("discharge_in", "discharge"), ("concentration_in", "concentration"), ("depth", "depth")):
            assert dataset[name].attrs["units"] == VARIABLES[row].unit
        assert dataset["discharge_in"].attrs["standard_name"] == "water_volume_transport_in_river_channel"
        assert "standard_name" not in dataset["lateral"].attrs


def test_values_are_exact(result: Result, path: Path) -> None:
    with xr.open_dataset(path, decode_times=False) as dataset:
        np.testing.assert_array_equal(dataset["discharge_out"], result.flow.discharge_out)
        np.testing.assert_array_equal(dataset["concentration_in"], result.concentration.inlet)
        np.testing.assert_array_equal(dataset["concentration_from_pits_out"], result.concentration.pit_outlet)
        np.testing.assert_array_equal(
            dataset["dissolved_in"], result.concentration.inlet * result.concentration.dissolved_fraction
        )
        np.testing.assert_array_equal(dataset["channel_concentration"], result.channel_concentration)
        np.testing.assert_array_equal(dataset["lon"], result.longitude)
        assert tuple(dataset["substance"].values) == result.concentration.substances
        assert tuple(dataset["period"].values) == result.period_names
        if result.exposure is not None:
            np.testing.assert_array_equal(dataset["quotient"], result.exposure.quotient)
            np.testing.assert_array_equal(dataset["travel_time"], result.exposure.travel_time)
            assert tuple(dataset["receptor_name"].values) == result.exposure.receptors.name


def test_network_can_be_built_again(result: Result, path: Path) -> None:
    network = result.network
    with xr.open_dataset(path, decode_times=False) as dataset:
        place = dataset if network.crs_wkt else {"x": np.full(network.size, np.nan), "y": np.full(network.size, np.nan)}
        again = RiverNetwork(
            **{
                name: dataset[name].values
                for name in (
                    "down", "length", "slope", "area_in", "area", "boundary_area", "elevation", "reach", "cell",
                    "channel_cell", "channel_start", "channel_distance", "link_from", "link_to",
                )
            },
            x=np.asarray(place["x"]),
            y=np.asarray(place["y"]),
            name=tuple(dataset["node_name"].values),
            crs_wkt=dataset["crs"].attrs["crs_wkt"] if network.crs_wkt else "",
        )  # fmt: skip
    for field in ("down", "length", "area", "channel_cell", "channel_start", "x", "elevation"):
        np.testing.assert_array_equal(getattr(again, field), getattr(network, field))
    assert again.name == network.name


def test_time_is_one_mean_year(result: Result, path: Path) -> None:
    with xr.open_dataset(path, decode_times=False) as dataset:
        bounds = dataset["time_bounds"].values
        np.testing.assert_allclose(bounds.ravel()[[0, -1]], np.array([0.0, 365.25]))
        np.testing.assert_array_equal(bounds[1:, 0], bounds[:-1, 1])
        assert ((dataset["time"] > bounds[:, 0]) & (dataset["time"] < bounds[:, 1])).all()
        assert "no particular year" in dataset["time"].attrs["comment"]
        assert dataset["time"].attrs["bounds"] == "time_bounds"


def test_grid_mapping(result: Result, path: Path) -> None:
    with xr.open_dataset(path, decode_times=False, decode_coords="all") as dataset:
        if not result.network.crs_wkt:
            assert "crs" not in dataset
            return
        assert CRS.from_cf(dataset["crs"].attrs).to_epsg() == 32647
    with netCDF4.Dataset(path) as file:
        assert file["x"].grid_mapping == "crs"
        assert file["discharge_in"].coordinates == "lon lat period"
        assert file["length"].coordinates == "lon lat"
        # The upstream end of a node is the centre of its first channel cell.
        start = file["channel_start"][:-1]
        np.testing.assert_array_equal(file["channel_x"][:][start], file["x"][:])


def test_coordinates_as_cf_asks(result: Result, path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        assert "coordinates" not in file.ncattrs()
        for name in ("time", "time_bounds", "lon", "lat"):
            assert "_FillValue" not in file[name].ncattrs(), name
        for name, variable in file.variables.items():
            named = getattr(variable, "coordinates", "").split()
            assert ("lon" in named) == ("node" in variable.dimensions and name not in ("lon", "lat")), name
            labelled = "time" in variable.dimensions and name not in ("time", "time_bounds", "period")
            assert ("period" in named) == labelled, name
            for word in named:  # CF: an auxiliary coordinate has no dimension that the variable lacks
                assert set(file[word].dimensions) <= set(variable.dimensions), name
        assert file["time_bounds"].ncattrs() == []
        assert file["time"].bounds == "time_bounds"
    with xr.open_dataset(path, decode_times=False) as dataset:
        assert {"lon", "lat", "period"} <= set(dataset["discharge_in"].coords)
        assert "time_bounds" in dataset.data_vars
        if result.exposure is not None:
            assert "flow path" not in dataset["receptor_distance"].attrs["long_name"]
            assert dataset["receptor_distance_is"].sizes == dataset["receptor_distance"].sizes


def test_compressed_without_clock_times(path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        assert file["concentration_in"].filters()["zlib"]
        assert not [name for name in file.ncattrs() if "date" in name or "time" in name]
        assert "20" not in file.history


def test_dataset_is_public(result: Result) -> None:
    dataset = build_dataset(result)
    assert dataset.sizes["node"] == result.network.size
    assert dataset.sizes["substance"] == len(result.concentration.substances)
