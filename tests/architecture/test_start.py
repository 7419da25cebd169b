"""`import sim` and `leachsim --help` stay light, and the public names are there when asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sim

HEAVY = ("numba", "matplotlib.pyplot", "matplotlib", "scipy", "xarray", "rasterio", "geopandas", "netCDF4", "pyproj")
QUIET = "import io, contextlib, sys\nwith contextlib.redirect_stdout(io.StringIO()):\n    {work}\n"


def _loaded(work: str) -> set[str]:
    code = QUIET.format(work=work) + "print(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "work",
    [
        "import sim",
        "import sim.cli.main as m; assert m.main(['--help']) == 0",
        "import sim.cli.main as m; assert m.main(['run', '--help']) == 0",
        "import sim.cli.main as m; assert m.main(['--version']) == 0",
    ],
)
def test_start_loads_nothing_heavy(work: str) -> None:
    assert _loaded(work).isdisjoint(HEAVY)


def test_reading_a_scenario_loads_neither_numba_nor_pyplot() -> None:
    loaded = _loaded("import sim, sim.scenario.load as s; sim.load_scenario(s.library()['kachin'])")
    assert loaded.isdisjoint({"numba", "matplotlib.pyplot"})


def test_the_check_can_fail() -> None:
    assert "numba" in _loaded("import numba")


def test_public_names_exist() -> None:
    for name in dir(sim):
        assert getattr(sim, name) is not None
    assert {"load_scenario", "run", "open_run", "RiverNetwork", "__version__"} <= set(dir(sim))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        _ = sim.walk
