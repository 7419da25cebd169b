"""Options and output of ``leachsim terrain condition --tiled``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.check import seconds_text
from sim.cli.streams import display_path
from sim.errors import ScenarioError

if TYPE_CHECKING:
    from sim.pipeline.pace import Report
    from sim.pipeline.tiled_folder import Tiling

TiledOption = Annotated[
    bool,
    typer.Option("--tiled", help="Work tile by tile on a raster that need not fit into memory; its cells stay as is."),
]
TileOption = Annotated[
    int | None,
    typer.Option(
        "--tile", metavar="N", help="Rows and columns of a tile; default 2048. With --tiled.", show_default=False
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Processes that work on tiles; default one per core; 0 works without dask. With --tiled.",
        show_default=False,
    ),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="A dask scheduler that runs already, as tcp://host:8786. With --tiled.",
        show_default=False,
    ),
]
MemoryLimitOption = Annotated[
    str | None,
    typer.Option(
        "--memory-limit", metavar="SIZE", help="Memory of each process, as 1GB. With --tiled.", show_default=False
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="cog|zarr", help="Format of the results; default cog. With --tiled.", show_default=False
    ),
]


@dataclass(frozen=True)
class TiledOptions:
    """The options that only a tiled run takes, None where not given."""

    tile: int | None
    workers: int | None
    scheduler: str | None
    memory_limit: str | None
    store: str | None

    def refuse(self) -> None:
        """Refuse them where --tiled was not given, LS-209."""
        for name, value in vars(self).items():
            if value is not None:
                raise ScenarioError(
                    209,
                    f"--{name.replace('_', '-')}",
                    got=str(value),
                    expected="Serves tiled runs only",
                    remedy="Add --tiled, or leave it out",
                )

    def tiling(self) -> Tiling:
        """How the raster is cut and who works on it."""
        from sim.pipeline.tiled_folder import TILE, Tiling, parse_size

        if self.scheduler and self.workers is not None:
            raise ScenarioError(
                209,
                "--workers",
                got=str(self.workers),
                expected="A scheduler given by --scheduler has its own workers",
                remedy="Start as many with dask worker as you want, and leave --workers out",
            )
        return Tiling(
            tile=TILE if self.tile is None else self.tile,
            workers=_cores() if self.workers is None else self.workers,
            scheduler=self.scheduler or "",
            memory_limit=None if self.memory_limit is None else parse_size(self.memory_limit),
            store=self.store or "cog",
        )


def condition_in_tiles(
    dem: Path,
    out: Path,
    options: TiledOptions,
    others: dict[str, tuple[Any, Any]],
    conditioning: str | None,
    report: Report,
) -> dict[str, Any]:
    """Condition a raster in tiles and return what is told about it.

    Parameters
    ----------
    others : options of the command that a tiled run does not take -> value given and default
    """
    from sim.pipeline.terrain_settings import choose_engine
    from sim.pipeline.tiled_folder import condition_tiled

    for name, (given, default) in others.items():
        if given != default:
            raise ScenarioError(
                209,
                name,
                got=str(given),
                expected="Cannot be used with --tiled, which takes the cells of the raster as they are and finds flow "
                "directions, areas and conditioned elevations only",
                remedy="Leave one of the two out",
            )
    _, chosen = choose_engine("native", conditioning)
    return condition_tiled(dem, out, tiling=options.tiling(), conditioning=chosen, report=report).as_dict()


def tiled_lines(document: dict[str, Any]) -> list[str]:
    """Summary of a tiled run."""
    numbers = document["numbers"]
    return [
        f"{document['label']}: {document['method']}",
        f"Grid: {numbers['rows']:,} x {numbers['columns']:,} cells, {numbers['valid_cells']:,} with an elevation, in "
        f"{numbers['tiles']:,} tiles",
        f"Depressions: {numbers['depressions_filled']:,} filled, {numbers['depressions_carved']:,} carved",
        f"Raised {numbers['raised_cells']:,} cells (up to {numbers['highest_raise_m']:.3g} m), lowered "
        f"{numbers['lowered_cells']:,} (up to {numbers['deepest_cut_m']:.3g} m)",
        f"Largest drainage area: {numbers['largest_upstream_area_km2']:,.4g} km2",
        f"Time: {seconds_text(document['seconds'])}",
        f"Folder: {display_path(document['folder'])}",
    ]


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
