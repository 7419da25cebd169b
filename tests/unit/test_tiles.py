"""Cutting a raster into tiles, what tiles tell one another, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sim.errors import DataError, ScenarioError
from sim.io.tile_store import ArrayElevations, Scratch, TileFiles, raster_elevations
from sim.pipeline.tiled import STEPS, Serial, drain_tiles
from sim.pipeline.tiled_folder import Tiling, condition_tiled, parse_size
from sim.terrain import _kernels_tile_flats, _kernels_tiles
from sim.terrain.rules import FILL, KEEP, Rule, Rules
from sim.terrain.tile_flow import Flow, join_flow
from sim.terrain.tiles import Layout, grouped, place_of


def write_raster(path: Path, z: np.ndarray, crs: str = "EPSG:32647", transform: Any = None) -> Path:
    """Write a raster of 30 m cells; -9999 is nodata."""
    where = rasterio.Affine(30.0, 0.0, 300_000.0, 0.0, -30.0, 2_800_000.0) if transform is None else transform
    profile = {"driver": "GTiff", "height": z.shape[0], "width": z.shape[1], "count": 1, "dtype": z.dtype.name}
    with rasterio.open(path, "w", **profile, crs=crs, transform=where, nodata=-9999.0) as dataset:
        dataset.write(z, 1)
    return path


def ground(rows: int = 150, columns: int = 170) -> np.ndarray:
    rng = np.random.Generator(np.random.PCG64(5))
    row, column = np.mgrid[0:rows, 0:columns]
    z = 200.0 + 0.3 * row + 15.0 * np.sin(column / 9.0) + rng.normal(0.0, 2.0, row.shape)
    z[60:100, 60:110] = 190.0
    z[:9, :9] = -9999.0
    return z.round(1).astype(np.float32)


@pytest.mark.parametrize(("rows", "columns", "size"), [(1, 1, 1), (5, 7, 3), (6, 6, 3), (9, 4, 20), (1, 8, 3)])
def test_tiles_cover_the_raster_once_and_windows_reach_one_further(rows: int, columns: int, size: int) -> None:
    layout = Layout(rows, columns, size)
    cells = np.arange(rows * columns).reshape(rows, columns)
    seen = np.zeros((rows, columns), dtype=int)
    for t in range(layout.count):
        tile = layout.tile(t)
        top, bottom, left, right = tile.box
        seen[top:bottom, left:right] += 1
        assert (layout.tile_of(cells[top:bottom, left:right]) == t).all()
        a, b, c, d = tile.window()
        window = cells[a:b, c:d]
        assert window.shape == tile.shape
        np.testing.assert_array_equal(window[tile.inner], cells[top:bottom, left:right])
        inside = np.arange(window.size)
        np.testing.assert_array_equal(tile.to_raster(inside), window.ravel())
        np.testing.assert_array_equal(tile.to_window(window.ravel()), inside)
        # the border is what touches the rim, at a side or a corner
        in_rim = np.zeros(window.shape, dtype=bool)
        in_rim.ravel()[tile.rim] = True
        padded = np.pad(in_rim, 1)
        near = sum(
            padded[1 + i : 1 + i + window.shape[0], 1 + j : 1 + j + window.shape[1]]
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        )
        np.testing.assert_array_equal(tile.border, np.flatnonzero((near > 0) & ~in_rim))
    assert (seen == 1).all()


def test_bad_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Layout(0, 3, 1)


def test_groups_and_places() -> None:
    assert [part.tolist() for part in grouped(np.array([2, 0, 2]), 4)] == [[1], [], [0, 2], []]
    assert place_of(np.array([3, 5, 9]), np.array([9, 3])).tolist() == [2, 0]
    with pytest.raises(AssertionError, match="unknown cell"):
        place_of(np.array([3, 5]), np.array([4]))


def test_steps_to_the_way_out_from_cells_with_unequal_steps() -> None:
    """A row of seven level cells: 4 steps are known at the west end, 1 at the east end."""
    link = np.array([1, 17, 17, 17, 17, 17, 16], dtype=np.uint8)
    found = np.full(7, _kernels_tiles.FAR, dtype=np.int32)
    seeds, values = np.array([6, 0]), np.array([1, 4])
    _kernels_tile_flats.flat_distances(link, 7, seeds, values, np.empty(7, dtype=np.uint32), found)
    assert found.tolist() == [4, 5, 5, 4, 3, 2, 1]


def test_pruning_leaves_the_ways_between_terminals() -> None:
    """Path 0-1-2-3 with a twig 2-4-5; 0 and 3 are terminals."""
    one, other = np.array([0, 1, 2, 2, 4], dtype=np.uint32), np.array([1, 2, 3, 4, 5], dtype=np.uint32)
    terminal = np.array([True, False, False, True, False, False])
    degree, incident = np.zeros(6, dtype=np.int64), np.zeros(6, dtype=np.int64)
    edge, order = np.empty(6, dtype=np.int64), np.empty(6, dtype=np.int64)
    count = _kernels_tiles.prune(one, other, terminal, degree, incident, edge, order)
    assert order[:count].tolist() == [5, 4]
    assert edge.tolist() == [5, 5, 5, 5, 3, 4]


def test_flow_goes_on_from_tile_to_tile() -> None:
    """Two tiles side by side: 4 cells leave the west, come back over the lower row, and end there."""
    layout = Layout(2, 4, 2)
    west = Flow(np.array([1]), np.array([2]), np.array([4]), np.array([7.0]), np.array([1, 5]), np.array([1, -1]))
    east = Flow(np.array([6]), np.array([5]), np.array([3]), np.array([9.0]), np.array([2, 6]), np.array([6, 6]))
    found = join_flow(layout, [west, east])
    assert [part.entry.tolist() for part in found] == [[5], [2]]
    assert [part.cells.tolist() for part in found] == [[7], [4]]
    assert [part.lowest.tolist() for part in found] == [[7.0], [7.0]]


def test_scratch_files_are_whole_and_may_be_written_twice(tmp_path: Path) -> None:
    scratch = Scratch(str(tmp_path))
    for _ in range(2):
        scratch.save("a-1", x=np.arange(3), y=np.ones((2, 2), dtype=np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.npz"]
    assert scratch.load("a-1", "x")["x"].tolist() == [0, 1, 2]
    assert set(scratch.load("a-1")) == {"x", "y"}
    scratch.drop("a-1")
    scratch.drop("a-1")
    assert list(tmp_path.iterdir()) == []


def test_scratch_that_cannot_be_written_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(DataError, match="LS-310"):
        Scratch(str(tmp_path)).save("a-1", x=np.arange(3))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(KEEP), "keeps depressions"),
        (Rule(FILL, min_area=3.0), "areas or volumes"),
        (Rule(FILL, holding=np.array([1])), "in some place"),
    ],
)
def test_rules_that_tiles_cannot_follow_are_refused(tmp_path: Path, rule: Rule, words: str) -> None:
    scratch = Scratch(str(tmp_path))
    source = ArrayElevations(np.zeros((3, 3), dtype=np.float32))
    with pytest.raises(ScenarioError, match=f"LS-209.*{words}"):
        drain_tiles(source, Layout(3, 3, 2), scratch, TileFiles(scratch), executor=Serial(), rules=Rules((rule,)))


def test_progress_names_every_step_in_order_and_ends_whole(tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    scratch = Scratch(str(tmp_path))
    drain_tiles(
        ArrayElevations(ground(40, 40)), Layout(40, 40, 16), scratch, TileFiles(scratch), executor=Serial(),
        rules=Rules(), progress=lambda step, share: seen.append((step, share)),
    )  # fmt: skip
    assert tuple(dict(seen)) == STEPS
    assert all(share == 1.0 for share in dict(seen).values())


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"tile": 10}, 204, "--tile"),
        ({"workers": -1}, 204, "--workers"),
        ({"memory_limit": 1000}, 204, "--memory-limit"),
        ({"store": "netcdf"}, 207, "--store"),
        ({"scheduler": "tcp://a:1", "memory_limit": 10**9}, 209, "--memory-limit"),
    ],
)
def test_bad_options(change: dict[str, Any], code: int, where: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        Tiling(**change).check()
    assert (caught.value.number, caught.value.where) == (code, where)


@pytest.mark.parametrize(("text", "size"), [("1GB", 10**9), ("800 MB", 8 * 10**8), ("1.5g", 15 * 10**8), ("7", 7)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "1 GiB", "-1GB", "nan", "1e30GB", "much"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(ScenarioError, match="LS-205 --memory-limit"):
        parse_size(text)


@pytest.mark.parametrize(
    ("crs", "transform", "words"),
    [
        ("EPSG:4326", rasterio.Affine(0.01, 0.0, 97.0, 0.0, -0.01, 25.0), "projected in metres"),
        ("EPSG:32647", rasterio.Affine(30.0, 0.0, 3e5, 0.0, 30.0, 2.8e6), "from north to south"),
        ("EPSG:3857", rasterio.Affine(30.0, 0.0, 1.08e7, 0.0, -30.0, 2.8e6), "Areas in its CRS"),
    ],
)
def test_rasters_that_would_have_to_be_resampled_are_refused(
    tmp_path: Path, crs: str, transform: Any, words: str
) -> None:
    path = write_raster(tmp_path / "dem.tif", ground(20, 20), crs, transform)
    with pytest.raises(ScenarioError, match=f"LS-204 DEM.*{words}"):
        raster_elevations(path)


def test_windows_of_a_raster(tmp_path: Path) -> None:
    z = ground(20, 30)
    source = raster_elevations(write_raster(tmp_path / "dem.tif", z))
    assert (source.shape, source.cell_size) == ((20, 30), (30.0, 30.0))
    values, valid = source.read((5, 12, 3, 20))
    np.testing.assert_array_equal(values, np.where(z[5:12, 3:20] == -9999.0, 0.0, z[5:12, 3:20]))
    np.testing.assert_array_equal(valid, z[5:12, 3:20] != -9999.0)
    assert source.read((10, 20, 10, 30))[1] is None


@pytest.mark.parametrize("store", ["cog", "zarr"])
def test_folder_holds_what_memory_gives_whatever_the_tiles(tmp_path: Path, store: str) -> None:
    from sim.terrain.basins import drain

    z = ground()
    dem = write_raster(tmp_path / "dem.tif", z)
    valid = z != -9999.0
    memory = drain(np.where(valid, z, np.float32(0.0)), valid, cell_width=30.0, cell_height=30.0)
    assert memory.conditioned is not None
    upstream = memory.upstream_cells.reshape(z.shape)
    for tile in (64, 1000):
        out = tmp_path / f"out-{tile}"
        summary = condition_tiled(dem, out, tiling=Tiling(tile=tile, workers=0, store=store))
        assert summary.numbers["valid_cells"] == valid.sum()
        assert summary.as_dict()["label"] == "Modelled, not measured"
        if store == "cog":
            bands = {}
            for name in ("flow_direction", "conditioned", "upstream_area"):
                with rasterio.open(out / f"{name}.tif") as dataset:
                    assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
                    assert dataset.descriptions[0]
                    bands[name] = dataset.read(1)
            area = (upstream * 9e-4).astype(np.float32)
            np.testing.assert_array_equal(bands["upstream_area"][valid], area[valid])
            assert (bands["conditioned"][~valid] == -9999.0).all()
        else:
            import zarr

            group: Any = zarr.open_group(str(out / "terrain.zarr"), mode="r")
            bands = {name: group[name][:] for name in ("flow_direction", "conditioned")}
            np.testing.assert_array_equal(group["upstream_cells"][:], upstream)
            assert group["x"][0] == 300_015.0
            assert group["y"][-1] == 2_800_000.0 - 30.0 * (z.shape[0] - 0.5)
            assert np.isnan(bands["conditioned"][~valid]).all()
        np.testing.assert_array_equal(bands["flow_direction"].ravel(), memory.direction)
        np.testing.assert_array_equal(bands["conditioned"][valid], memory.conditioned[valid])
        assert not [path for path in out.iterdir() if path.name.startswith(".")]
    for path in (tmp_path / "out-64").glob("*.tif"):
        assert path.read_bytes() == (tmp_path / "out-1000" / path.name).read_bytes()


def test_folder_repeats_byte_for_byte(tmp_path: Path) -> None:
    dem = write_raster(tmp_path / "dem.tif", ground(80, 90))
    for name in ("a", "b"):
        condition_tiled(dem, tmp_path / name, tiling=Tiling(tile=64, workers=0))
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["conditioned.tif", "flow_direction.tif", "terrain.json", "upstream_area.tif"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(("value", "code"), [(-9999.0, 304), (99_999.0, 305)])
def test_nothing_is_left_when_the_raster_cannot_be_used(tmp_path: Path, value: float, code: int) -> None:
    z = np.full((70, 70), -9999.0, dtype=np.float32)
    z[69, 69] = value
    dem = write_raster(tmp_path / "dem.tif", z)
    with pytest.raises(DataError) as caught:
        condition_tiled(dem, tmp_path / "deep" / "out", tiling=Tiling(tile=64, workers=0))
    assert caught.value.number == code
    assert [path.name for path in tmp_path.iterdir()] == ["dem.tif"]


def test_nothing_is_left_after_an_interrupt(tmp_path: Path) -> None:
    dem = write_raster(tmp_path / "dem.tif", ground(80, 90))

    def stop(_: str, share: float, __: int, ___: str) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        condition_tiled(dem, tmp_path / "out", tiling=Tiling(tile=64, workers=0), report=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["dem.tif"]
