"""Tiles on the workers of a dask scheduler, some of which are lost on the way."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio

from sim.errors import DataError
from sim.io.tile_store import Scratch, TileFiles, raster_elevations
from sim.pipeline import tiled_cluster
from sim.pipeline.tiled import drain_tiles
from sim.pipeline.tiled_cluster import Cluster, cluster_at, local_cluster
from sim.pipeline.tiled_folder import Tiling, condition_tiled, warm
from sim.pipeline.tiled_tasks import Job
from sim.terrain.basins import drain
from sim.terrain.rules import Rules
from sim.terrain.tiles import Layout

SHAPE = (300, 280)


@pytest.fixture(scope="module")
def dem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rough ground with a lake over several tiles and a corner without elevations."""
    rng = np.random.Generator(np.random.PCG64(8))
    row, column = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    z = (300.0 + 0.2 * row + 12.0 * np.sin(column / 13.0) + rng.normal(0.0, 3.0, SHAPE)).round(1).astype(np.float32)
    z[100:220, 90:200] = 290.0
    z[:20, :30] = -9999.0
    path = tmp_path_factory.mktemp("dem") / "dem.tif"
    profile = {"driver": "GTiff", "height": SHAPE[0], "width": SHAPE[1], "count": 1, "dtype": "float32"}
    where = rasterio.Affine(30.0, 0.0, 300_000.0, 0.0, -30.0, 2_800_000.0)
    with rasterio.open(path, "w", **profile, crs="EPSG:32647", transform=where, nodata=-9999.0) as dataset:
        dataset.write(z, 1)
    return path


@dataclass
class LosesWorkers:
    """Runs jobs on a cluster and kills one of its workers in the middle of some steps."""

    cluster: Cluster
    steps: tuple[str, ...]
    killed: list[int] = field(default_factory=list)

    def run(self, jobs: Sequence[Job], done: Callable[[int], None]) -> list[Any]:
        step = jobs[0].task

        def hear(count: int) -> None:
            done(count)
            if step in self.steps and count == 1:
                pid = next(iter(self.cluster.client.run(os.getpid).values()))
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
                self.killed.append(pid)

        return self.cluster.run(jobs, hear)


def test_a_run_that_loses_workers_gives_what_memory_gives(dem: Path, tmp_path: Path) -> None:
    warm()
    source = raster_elevations(dem)
    layout = Layout(*source.shape, 64)
    scratch = Scratch(str(tmp_path))
    files = TileFiles(scratch)
    with local_cluster(2, None) as cluster:
        executor = LosesWorkers(cluster, ("basins", "finish"))
        drain_tiles(source, layout, scratch, files, executor=executor, rules=Rules.of("auto"))
    assert len(set(executor.killed)) == 2
    values, valid = source.read((0, SHAPE[0], 0, SHAPE[1]))
    memory = drain(values, valid, cell_width=30.0, cell_height=30.0)
    assert memory.conditioned is not None
    assert valid is not None
    for t in range(layout.count):
        tile = layout.tile(t)
        top, bottom, left, right = tile.box
        cut = slice(top, bottom), slice(left, right)
        found = files.read(tile)
        np.testing.assert_array_equal(found["direction"], memory.direction.reshape(SHAPE)[cut])
        np.testing.assert_array_equal(found["upstream_cells"], memory.upstream_cells.reshape(SHAPE)[cut])
        np.testing.assert_array_equal(found["conditioned"][valid[cut]], memory.conditioned[cut][valid[cut]])


def test_folder_is_the_same_byte_for_byte_with_workers_and_without(dem: Path, tmp_path: Path) -> None:
    from distributed import LocalCluster

    condition_tiled(dem, tmp_path / "here", tiling=Tiling(tile=100, workers=0))
    condition_tiled(dem, tmp_path / "two", tiling=Tiling(tile=100, workers=2, memory_limit=10**9))
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        tiling = Tiling(tile=100, scheduler=cluster.scheduler_address)
        condition_tiled(dem, tmp_path / "address", tiling=tiling)
    names = sorted(path.name for path in (tmp_path / "here").iterdir())
    for other in ("two", "address"):
        assert sorted(path.name for path in (tmp_path / other).iterdir()) == names
        for name in names:
            assert (tmp_path / "here" / name).read_bytes() == (tmp_path / other / name).read_bytes(), (other, name)


def test_a_worker_lost_again_and_again_over_one_tile_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled_cluster, "LOST_WORKERS", 0)
    deadly: Any = SimpleNamespace(run=functools.partial(os._exit, 1))
    with local_cluster(1, None) as cluster, pytest.raises(DataError, match="LS-317 --memory-limit"):
        cluster.run([deadly], lambda _: None)


def test_an_address_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled_cluster, "ANSWER_WITHIN", 0.2)
    with pytest.raises(DataError, match="LS-317 --scheduler"), cluster_at("tcp://127.0.0.1:9"):
        pass
