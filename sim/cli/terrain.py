"""``leachsim terrain``: flow paths on a raster, and how far different ways of finding them agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.check import seconds_text
from sim.cli.locate import locate
from sim.cli.options import JsonOption, QuietOption, SetOption
from sim.cli.rate import RateProgress, cells_text
from sim.cli.run import free_folder
from sim.cli.streams import clean, display_path, print_json
from sim.cli.tiled import (
    MemoryLimitOption,
    SchedulerOption,
    StoreOption,
    TiledOption,
    TiledOptions,
    TileOption,
    WorkersOption,
    condition_in_tiles,
    tiled_lines,
)
from sim.errors import DataError, ScenarioError

if TYPE_CHECKING:
    from sim.pipeline.terrain_compare import Source
    from sim.pipeline.terrain_settings import DemOptions

#: endings by which a name is a raster even when there is no such file
_RASTERS = (".tif", ".tiff", ".vrt", ".hgt", ".img", ".asc", ".bil", ".dem", ".nc", ".jp2")
_HELP = "Flow paths on a raster of elevations: compute them, or compare ways of computing them."

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FOLDER", help="New folder for the results; default runs/NAME-terrain.", show_default=False
    ),
]
BoundsOption = Annotated[
    str | None,
    typer.Option(
        "--bounds", metavar="W,S,E,N", help="Crop to west,south,east,north in degrees (WGS84).", show_default=False
    ),
]
CrsOption = Annotated[
    str, typer.Option("--crs", metavar="CRS", help="Metric grid: auto (UTM zone of the centre) or an EPSG code.")
]
ResolutionOption = Annotated[
    float | None,
    typer.Option("--resolution", metavar="M", help="Cell size in m; the raster's own by default.", show_default=False),
]


def condition(
    dem: Annotated[Path, typer.Argument(metavar="DEM", help="A raster of elevations.", show_default=False)],
    out: OutOption = None,
    conditioning: Annotated[
        str | None,
        typer.Option(
            "--conditioning",
            metavar="auto|carve|fill",
            help="What to do with closed hollows; auto decides one by one (default; carve with whitebox).",
            show_default=False,
        ),
    ] = None,
    resolution: ResolutionOption = None,
    crs: CrsOption = "auto",
    bounds: BoundsOption = None,
    stream_area: Annotated[
        float, typer.Option("--stream-area", metavar="KM2", help="Least area that a stream drains, km2.")
    ] = 5.0,
    engine: Annotated[
        str, typer.Option("--engine", metavar="native|whitebox", help="Program that does it.")
    ] = "native",
    tiled: TiledOption = False,
    tile: TileOption = None,
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
    memory_limit: MemoryLimitOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Condition DEM into a new folder: flow directions, areas, heights above streams, stream orders, depressions."""
    from sim.pipeline.terrain_folder import condition_dem

    folder = out if out is not None else free_folder(f"{dem.stem}-terrain")
    in_tiles = TiledOptions(tile, workers, scheduler, memory_limit, store)
    if tiled:
        others = {
            "--engine": (engine, "native"), "--bounds": (bounds, None), "--resolution": (resolution, None),
            "--crs": (crs, "auto"), "--stream-area": (stream_area, 5.0),
        }  # fmt: skip
        with RateProgress(quiet=quiet) as progress:
            document = condition_in_tiles(dem, folder, in_tiles, others, conditioning, progress)
        _say(document, tiled_lines, json=json)
        return
    in_tiles.refuse()
    with RateProgress(quiet=quiet) as progress:
        summary = condition_dem(
            dem,
            folder,
            options=_options(bounds, crs, resolution),
            engine=engine,
            conditioning=conditioning,
            stream_area=stream_area * 1e6,
            report=progress,
        )
    _say(summary.as_dict(), _conditioned_lines, json=json)


def _say(document: dict[str, Any], lines: Callable[[dict[str, Any]], list[str]], *, json: bool) -> None:
    """Print what was done, as text or as JSON."""
    if json:
        print_json({"status": "done", **document})
        return
    for line in lines(document):
        print(clean(line))


def compare(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO_OR_DEM",
            help="A raster of elevations; or a scenario as for `leachsim run`, whose places are compared too.",
            show_default=False,
        ),
    ],
    out: OutOption = None,
    stream_area: Annotated[
        float | None,
        typer.Option(
            "--stream-area",
            metavar="KM2",
            help="Least area that a stream drains, km2; the scenario's, or 5 for a raster.",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="NAMES",
            help="Settings to compare, the first with every other: auto, carve, fill, whitebox-breach, whitebox-fill.",
        ),
    ] = "carve,fill,whitebox-breach",
    resolution: ResolutionOption = None,
    crs: CrsOption = "auto",
    bounds: BoundsOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Condition one terrain in several ways and write where streams, basins and places differ."""
    from sim.pipeline.terrain_compare import compare_terrain
    from sim.pipeline.terrain_settings import setting_names

    names = setting_names(settings)
    source, name = _source(what, _options(bounds, crs, resolution), set_ or [])
    folder = out if out is not None else free_folder(f"{name}-terrain")
    with RateProgress(quiet=quiet) as progress:
        summary = compare_terrain(
            source,
            folder,
            names=names,
            stream_area=None if stream_area is None else stream_area * 1e6,
            report=progress,
        )
    _say(summary.as_dict(), _compared_lines, json=json)


#: verbs below ``leachsim terrain``
VERBS = (condition, compare)
HELP = _HELP


def _options(bounds: str | None, crs: str, resolution: float | None) -> DemOptions:
    from sim.pipeline.terrain_settings import DemOptions

    if resolution is not None and not resolution > 0.0:
        raise ScenarioError(204, "--resolution", got=f"{resolution:g} m", expected="Must be greater than 0 m")
    return DemOptions(None if bounds is None else _bounds(bounds), crs, resolution)


def _bounds(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ScenarioError(
            205,
            "--bounds",
            got=repr(text),
            expected="Must be four numbers: west,south,east,north in degrees",
            remedy="For example --bounds=97.0,24.5,98.5,26.0",
        ) from error
    return west, south, east, north


def _source(what: str, options: DemOptions, overrides: list[str]) -> tuple[Source, str]:
    """What is compared, and a name for its folder."""
    from sim.pipeline.terrain_compare import of_dem, of_scenario
    from sim.pipeline.terrain_settings import DemOptions as Unset

    path = Path(what)
    if path.suffix.lower() in _RASTERS or (path.is_file() and path.suffix.lower() != ".toml"):
        if overrides:
            raise ScenarioError(
                209,
                "--set",
                got=overrides[0],
                expected="Changes a scenario, but a raster was given",
                remedy="Use --resolution, --crs and --bounds",
            )
        if not path.exists():
            raise DataError(301, "SCENARIO_OR_DEM", got=what, expected="No such file")
        return of_dem(path, options), path.stem
    file = locate(what)
    if options != Unset():
        raise ScenarioError(
            209,
            "SCENARIO_OR_DEM",
            got=what,
            expected="Its scenario says bounds, CRS and resolution, so the options for rasters cannot be used",
            remedy="Use --set, as in --set terrain.resolution=300.0",
        )
    from sim.scenario.load import load_scenario

    scenario = load_scenario(file, overrides)
    return of_scenario(scenario), scenario.scenario.name


def _conditioned_lines(document: dict[str, Any]) -> list[str]:
    numbers = document["numbers"]
    decided = ", ".join(f"{row['depressions']:,} {past}" for past, row in _decisions(numbers)) or "not told"
    lines = [
        f"{document['label']}: {document['method']}",
        f"Grid: {numbers['rows']:,} x {numbers['columns']:,} cells, {numbers['valid_cells']:,} with an elevation",
        f"Depressions: {decided}",
        f"Raised {numbers['raised_cells']:,} cells (up to {numbers['highest_raise_m']:,.1f} m), lowered "
        f"{numbers['lowered_cells']:,} (up to {numbers['deepest_cut_m']:,.1f} m)",
        f"Streams: {numbers['stream_cells']:,} cells that drain {numbers['stream_area_km2']:g} km2 or more, up to "
        f"order {numbers['largest_stream_order']}",
        f"Largest drainage area: {numbers['largest_upstream_area_km2']:,.1f} km2",
    ]
    lines += [f"Warning: {words}" for words in document["warnings"]]
    return [*lines, _pace_line(document), f"Folder: {display_path(document['folder'])}"]


def _decisions(numbers: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    past = {"keep": "kept", "fill": "filled", "carve": "carved"}
    return [(past[name], row) for name, row in (numbers["depressions"] or {}).items()]


def _compared_lines(document: dict[str, Any]) -> list[str]:
    about = document["about"]
    lines = [f"{about['statement']}. {', '.join(about['labels'])}."]
    for pair in document["comparisons"]:
        streams = pair["streams"]
        if pair["same_flow_paths"]:
            lines.append(f"{pair['first']} and {pair['second']}: the same flow paths in every cell")
            continue
        share = 100.0 * pair["cells_in_another_basin"] / max(pair["cells"], 1)
        lines.append(
            f"{pair['first']} and {pair['second']}: shared streams (Jaccard) {_shown(streams['jaccard'])}, within one "
            f"cell {_shown(streams['jaccard_within_one_cell'])}; {share:.2g} % of the land lies in another basin"
        )
    lines += [f"Failed: {failed['name']}: {failed['message']}" for failed in document["failed"]]
    lines += [f"Warning: {words}" for words in about["warnings"]]
    return [*lines, _pace_line(document), f"Page: {display_path(document['page'])}"]


def _shown(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"


def _pace_line(document: dict[str, Any]) -> str:
    total = sum(document["seconds"].values())
    parts = [f"{stage} {cells_text(rate)} cells/s" for stage, rate in document["rates"].items() if "condition" in stage]
    return f"Time: {seconds_text(total)}; {', '.join(parts)}"
