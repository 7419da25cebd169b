"""The dependency rules hold in every file of sim, and the rule checker catches planted violations."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load_rules() -> ModuleType:
    specification = importlib.util.spec_from_file_location("leachsim_rules", Path(__file__).with_name("rules.py"))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


rules = _load_rules()
FILES = sorted((ROOT / "sim").rglob("*.py"))


def _module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 30
    rooms = {file.parent.name for file in FILES}
    assert set(rules.ROOMS) <= rooms


@pytest.mark.parametrize("file", FILES, ids=_module_name)
def test_file_keeps_the_rules(file: Path) -> None:
    name = _module_name(file)
    if file.name == "__init__.py":
        name += ".__init__"
    assert rules.check(name, file.read_text(encoding="utf-8")) == []


GOOD = [
    ("sim.terrain.native", "from sim.errors import DataError\nfrom sim.terrain import _kernels\nimport scipy\n"),
    ("sim.network.build", "from sim.terrain.objects import Terrain\nfrom .objects import RiverNetwork\n"),
    ("sim.exposure.zones", "from sim.transport.objects import Budget\nimport shapely\n"),
    (
        "sim.transport._kernels",
        "import math\nimport numpy as np\nfrom numba import njit\nfrom sim.network._kernels import sweep\n",
    ),
    ("sim.sources.place", "import numpy as np\ndef f(rng: np.random.Generator) -> float:\n    return rng.random()\n"),
    ("sim.pipeline.run", "import numpy as np\nfrom sim.io.rasters import read_dem\nrng = np.random.default_rng(1)\n"),
    ("sim.report.maps", "import matplotlib.pyplot as plt\nfrom sim.pipeline.result import Result\n"),
    ("sim.cli.run", "print('done')\ndef run():\n    from sim.pipeline.run import run\n"),
    ("sim.terrain.whitebox", "def f():\n    import whitebox_workflows\n"),
    ("sim.benchmarking.peers.whitebox_peer", "import whitebox_workflows\n"),
    ("sim.benchmarking.tasks.terrain", "from sim.terrain import condition_native\nfrom sim.pipeline.run import run\n"),
    ("sim.cli.bench", "def bench():\n    from sim.benchmarking.run import bench\n"),
    ("sim.chemistry.lead", "LIMITS = {'a': 1}\n__all__ = ['x']\n_TABLE = [1]\nname = (1, 2)\n"),
    (
        "sim.terrain._kernels",
        "from numba import njit\n@njit(cache=True, nogil=True, error_model='numpy')\ndef f(): pass\n",
    ),
    (
        "sim.network._kernels",
        "from numba import njit\n_O = {'cache': True, 'nogil': True, 'error_model': 'numpy'}\nf = njit(**_O)(len)\n",
    ),
    ("sim.fetch.rain", "import urllib.request\nimport re\nX = re.compile('a')\n"),
    ("sim.terrain._whitebox_worker", "import sys\nsys.stderr.write('failed')\n"),
    ("sim.io.paths", "from urllib.parse import quote\nimport rasterio\n"),
]

BAD = [
    # sums that depend on the number of threads
    ("sim.exposure.assess", "def f(a, b):\n    return a @ b\n", "matrix product @"),
    ("sim.exposure.assess", "import numpy as np\ndef f(a, b):\n    return np.dot(a, b)\n", "np.dot depends"),
    ("sim.report.view", "import numpy as np\ndef f(a, b):\n    return np.tensordot(a, b)\n", "np.tensordot depends"),
    # no arrow back, nothing but base and earlier rooms
    ("sim.terrain.native", "from sim.network.objects import RiverNetwork\n", "terrain imports sim.network"),
    ("sim.terrain.native", "def f():\n    from ..network import objects\n", "terrain imports sim.network"),
    ("sim.hydrology.flow", "import sim.transport.steady\n", "hydrology imports sim.transport"),
    ("sim.hydrology.flow", "from sim import transport\n", "hydrology imports sim.transport"),
    ("sim.sources.place", "from sim.scenario.models import Scenario\n", "sources imports sim.scenario"),
    ("sim.exposure.assess", "from sim.io.vectors import read_points\n", "exposure imports sim.io"),
    ("sim.transport.steady", "from sim.pipeline.result import Result\n", "transport imports sim.pipeline"),
    ("sim.io.rasters", "from sim.pipeline.run import run\n", "io imports sim.pipeline.run"),
    ("sim.report.maps", "from sim.cli.streams import clean\n", "report imports sim.cli"),
    ("sim.cli.run", "from sim.transport.steady import steady\n", "cli imports sim.transport"),
    ("sim.pipeline.run", "from sim.benchmarking.run import bench\n", "pipeline imports sim.benchmarking"),
    ("sim.transport.steady", "from sim.benchmarking.objects import Work\n", "transport imports sim.benchmarking"),
    ("sim.benchmarking.run", "from sim.cli.streams import clean\n", "benchmarking imports sim.cli"),
    ("sim.benchmarking.peers.richdem_peer", "import whitebox_workflows\n", "whitebox file alone"),
    ("sim.benchmarking.measure", "print('slow')\n", "belongs in cli alone"),
    ("sim.pipeline.run", "from sim.cli.streams import clean\n", "pipeline imports sim.cli"),
    ("sim.arrays", "from sim.errors import DataError\nfrom sim.terrain import Grid\n", "arrays imports sim.terrain"),
    ("sim.kitchen.sink", "x = 1\n", "not a known room"),
    # libraries in their place
    ("sim.terrain.native", "import rasterio\n", "rasterio must not be used in terrain"),
    ("sim.network.build", "from pandas import DataFrame\n", "must not be used in network"),
    ("sim.chemistry.lead", "def f():\n    import xarray as xr\n", "xarray must not be used in chemistry"),
    ("sim.pipeline.run", "import matplotlib\n", "belongs in report alone"),
    ("sim.io.web", "import folium\n", "belongs in report alone"),
    ("sim.io.web", "from urllib.request import urlopen\n", "belongs in fetch alone"),
    ("sim.report.web", "import requests\n", "belongs in fetch alone"),
    ("sim.terrain.native", "import whitebox_workflows\n", "whitebox file alone"),
    ("sim.pipeline.run", "import rich\n", "belongs in cli alone"),
    ("sim.cli.run", "import numba\n", "numba at module level"),
    ("sim.scenario.load", "from pyproj import CRS\n", "at module level"),
    # unsafe
    ("sim.io.cache", "import pickle\n", "pickle must not be used"),
    ("sim.io.cache", "import numpy as np\nx = np.load('a', allow_pickle=True)\n", "allow_pickle"),
    ("sim.io.cache", "import subprocess\nsubprocess.run('ls', shell=True)\n", "shell"),
    ("sim.scenario.load", "x = eval('1')\n", "eval must not be used"),
    ("sim.scenario.load", "exec('1')\n", "exec must not be used"),
    ("sim.pipeline.run", "print('hello')\n", "print belongs in cli alone"),
    ("sim.terrain.native", "import sys\nsys.stderr.write('hello')\n", "belongs in cli alone"),
    ("sim.terrain._whitebox_worker", "print('hello')\n", "print belongs in cli alone"),
    # kernels
    ("sim.terrain._kernels", "import scipy\n", "kernel imports scipy"),
    ("sim.terrain._kernels", "from sim.arrays import FloatArray\n", "kernel imports sim.arrays"),
    ("sim.terrain._kernels_flood", "from sim.terrain.native import slope\n", "kernel imports sim.terrain.native"),
    ("sim.network._kernels", "from sim.transport._kernels import sweep\n", "kernel imports sim.transport._kernels"),
    ("sim.terrain._kernels", "from numba import njit\n@njit\ndef f(): pass\n", "njit without flags"),
    ("sim.terrain._kernels", "import numba\n@numba.njit(cache=True)\ndef f(): pass\n", "njit without nogil=True"),
    ("sim.terrain._kernels", "from numba import njit\n@njit(cache=True, nogil=True)\ndef f(): pass\n", "error_model"),
    (
        "sim.terrain._kernels",
        "from numba import njit\n@njit(cache=True, nogil=True, error_model='numpy', fastmath=True)\ndef f(): pass\n",
        "fastmath",
    ),
    ("sim.network._kernels", "from numba import njit\n_O = {'cache': True}\n@njit(**_O)\ndef f(): pass\n", "nogil"),
    ("sim.terrain._kernels", "from numba import njit\nf = njit(len)\n", "njit without cache=True"),
    ("sim.terrain._kernels", "from numba import jit\n@jit(nopython=True)\ndef f(): pass\n", "jit instead of njit"),
    ("sim.terrain._kernels", "import numba\n@numba.vectorize\ndef f(x): return x\n", "vectorize instead of njit"),
    # randomness
    ("sim.sources.place", "import numpy as np\nnp.random.seed(1)\n", "global random state"),
    ("sim.pipeline.run", "import numpy as np\nx = np.random.normal()\n", "global random state"),
    ("sim.sources.place", "import numpy as np\nrng = np.random.default_rng(1)\n", "a Generator must be passed in"),
    ("sim.sources.place", "from numpy.random import default_rng\n", "write np.random.default_rng"),
    ("sim.sources.place", "import random\n", "random must not be used"),
    # state
    ("sim.chemistry.lead", "cache = {}\n", "module-level mutable cache"),
    ("sim.chemistry.lead", "seen: list[int] = []\n", "module-level mutable seen"),
    ("sim.chemistry.lead", "import collections\nseen = collections.deque()\n", "module-level mutable seen"),
    ("sim.chemistry.lead", "X = 1\ndef f():\n    global X\n    X = 2\n", "global statement"),
    # size
    ("sim.chemistry.lead", "x = 1\n" * (rules.MAX_FILE_LINES + 1), "file has"),
    ("sim.chemistry.lead", "def f():\n" + "    x = 1\n" * rules.MAX_FUNCTION_LINES, "f has 91 lines"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_checker_accepts(name: str, text: str) -> None:
    assert rules.check(name, text) == []


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_checker_catches(name: str, text: str, message: str) -> None:
    found = rules.check(name, text)
    assert any(message in line for line in found), found


def test_every_rule_is_exercised() -> None:
    """A rule nobody planted a violation for could be dead."""
    for rule in rules.RULES:
        assert any(rule(rules.Module(name, text)) for name, text, _ in BAD), rule.__name__


def test_a_docstring_does_not_count_as_length() -> None:
    text = 'def f():\n    """One.\n' + "    more\n" * 100 + '    """\n    return 1\n'
    assert rules.check("sim.chemistry.lead", text) == []
