"""The house's rules as functions from source text to violations (no import of the code under test).

Every rule is a function ``rule(module) -> list of (line, message)``; `check` runs them all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

ROOMS = ("terrain", "network", "hydrology", "chemistry", "sources", "transport", "exposure")
BASE = ("errors", "arrays", "registry", "__version__")
#: rooms outside the chain: which parts of sim each may import (its own always; base always)
ALLOWED = {
    "errors": (),
    "arrays": (),
    "registry": (),
    "classes": (),
    "data": (),
    "scenario": ("data", "exposure.objects"),
    "io": (*ROOMS, "classes", "data", "pipeline.result"),
    "fetch": ("io", "data"),
    "report": (*ROOMS, "classes", "data", "pipeline.result"),
    "testing": (*ROOMS, "data", "scenario", "pipeline.result"),
    "pipeline": (*ROOMS, "data", "scenario", "io", "fetch", "report"),
    # a second composition root: it times every stage, so it knows them all, and only cli knows it
    "benchmarking": (*ROOMS, "scenario", "io", "pipeline", "report", "testing"),
    "cli": ("data", "scenario", "io", "pipeline", "benchmarking"),
}
BOUNDARY_LIBRARIES = {
    "xarray",
    "pandas",
    "rasterio",
    "geopandas",
    "pyogrio",
    "netCDF4",
    "pydantic",
    "pint",
    "typer",
    "rich",
    "jinja2",
}
DRAWING_LIBRARIES = {"matplotlib", "folium", "mpl_toolkits"}
NETWORK_LIBRARIES = {
    "socket",
    "ssl",
    "http",
    "ftplib",
    "requests",
    "httpx",
    "aiohttp",
    "urllib3",
    "urllib.request",
    "smtplib",
}
UNSAFE_LIBRARIES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "random"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
KERNEL_LIBRARIES = {"__future__", "math", "numpy", "numba", "typing"}  # typing for records, which are NamedTuples
JIT_FLAGS = {"cache": True, "nogil": True, "error_model": "numpy"}
OTHER_COMPILERS = {"jit", "vectorize", "guvectorize", "jitclass", "cfunc", "generated_jit", "stencil"}
RANDOM_NAMES = {"Generator", "BitGenerator", "SeedSequence", "PCG64", "Philox", "default_rng"}
RANDOM_MAKERS = {"SeedSequence", "PCG64", "Philox", "default_rng"}
MAKES_RANDOM = ("pipeline", "testing", "ensemble", "benchmarking")
MUTABLE_MAKERS = {"list", "dict", "set", "bytearray", "defaultdict", "OrderedDict", "Counter", "deque"}
MAX_FILE_LINES = 420
MAX_FUNCTION_LINES = 90

Violation = tuple[int, str]


@dataclass(frozen=True)
class Module:
    """One source file: dotted name inside the package ``sim`` and its text."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Syntax tree."""
        return ast.parse(self.text)

    @property
    def parts(self) -> list[str]:
        """Dotted name without ``sim``."""
        return self.name.split(".")[1:]

    @property
    def room(self) -> str:
        """First part below ``sim``; empty for sim/__init__.py and sim/__main__.py."""
        return self.parts[0] if self.parts and self.parts[0] not in ("__init__", "__main__") else ""

    @property
    def is_kernel(self) -> bool:
        """True for _kernels.py, _kernels_flood.py and the like."""
        return bool(self.parts) and self.parts[-1].startswith("_kernels")

    @cached_property
    def imports(self) -> list[tuple[int, str]]:
        """Every imported dotted name; ``from a import b`` gives a.b, which may be a module or a name in a."""
        found: list[tuple[int, str]] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".")[: -node.level]
        return ".".join([*package, *([node.module] if node.module else [])])


def _within(name: str, parents: Iterator[str] | tuple[str, ...] | set[str]) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


def _dotted(node: ast.AST) -> str:
    """Dotted text of a name or attribute chain, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def room_order(module: Module) -> list[Violation]:
    """Rooms import only rooms before them; the others only what `ALLOWED` grants."""
    if not module.room:
        return []
    if module.room in ROOMS:
        granted: tuple[str, ...] = ROOMS[: ROOMS.index(module.room)]
    elif module.room in ALLOWED:
        granted = ALLOWED[module.room]
    else:
        return [(1, f"sim/{module.room} is not a known room")]
    allowed = tuple(f"sim.{part}" for part in (*granted, *BASE, module.room))
    ours = [(line, name) for line, name in module.imports if _within(name, ("sim",))]
    return [(line, f"{module.room} imports {name}") for line, name in ours if not _within(name, allowed)]


def outside_libraries(module: Module) -> list[Violation]:
    """Each library has its place: drawing in report, network in fetch, boundary libraries outside the rooms."""
    found = []
    for line, name in module.imports:
        if _within(name, DRAWING_LIBRARIES) and module.room != "report":
            found.append((line, f"{name} belongs in report alone"))
        if _within(name, NETWORK_LIBRARIES) and module.room != "fetch":
            found.append((line, f"{name} belongs in fetch alone"))
        if _within(name, BOUNDARY_LIBRARIES) and module.room in (*ROOMS, *BASE):
            found.append((line, f"{name} must not be used in {module.room}"))
        if _within(name, UNSAFE_LIBRARIES):
            found.append((line, f"{name} must not be used"))
        # as an engine in one file of terrain, as a rival to be timed in one file of benchmarking
        if _within(name, {"whitebox", "whitebox_workflows"}) and not (
            module.room in ("terrain", "benchmarking") and "whitebox" in module.parts[-1]
        ):
            found.append((line, f"{name} belongs in terrain's whitebox file alone"))
        if _within(name, {"typer", "rich"}) and module.room != "cli":
            found.append((line, f"{name} belongs in cli alone"))
    return found


def heavy_at_start(module: Module) -> list[Violation]:
    """What ``import sim`` and ``--help`` load must not pull numba, drawing or raster libraries at module level."""
    if module.room not in ("", "cli", "scenario", *BASE):
        return []
    heavy = {
        "numba",
        "scipy",
        "xarray",
        "rasterio",
        "geopandas",
        "pyproj",
        "shapely",
        "netCDF4",
        "pyogrio",
        *DRAWING_LIBRARIES,
    }
    top = [node for node in module.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = {node.lineno for node in top}
    return [
        (line, f"{name} at module level") for line, name in module.imports if line in lines and _within(name, heavy)
    ]


def kernel_imports(module: Module) -> list[Violation]:
    """Kernels import numpy, numba, math and kernels of their own or earlier rooms."""
    if not module.is_kernel:
        return []
    rooms = ROOMS[: ROOMS.index(module.room) + 1] if module.room in ROOMS else (module.room,)
    found = []
    for line, name in module.imports:
        ours = re.match(r"sim\.(\w+)\.(_kernels\w*)", name)
        direct = re.match(r"sim\.(\w+)\.(_kernels\w*)$|sim\.(\w+)\._kernels\w*\.\w+$", name)
        if not (_within(name, KERNEL_LIBRARIES) or (ours and direct and ours.group(1) in rooms)):
            found.append((line, f"kernel imports {name}"))
    return found


def _keywords(module: Module, call: ast.Call) -> dict[str | None, object]:
    """Keyword arguments of a call; ``**NAME`` is looked up when NAME is a dict written out at module level."""
    tables = {
        _dotted(node.targets[0]): node.value
        for node in module.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    }
    given: dict[str | None, object] = {}
    for word in call.keywords:
        if isinstance(word.value, ast.Constant):
            given[word.arg] = word.value.value
        elif word.arg is None and _dotted(word.value) in tables:
            given.update(ast.literal_eval(tables[_dotted(word.value)]))
        else:
            given[word.arg] = word.value
    return given


def compiled_functions(module: Module) -> list[Violation]:
    """Every njit carries cache, nogil and numpy's error model and no fastmath; no other compiler is used."""
    found: list[Violation] = []
    called: set[ast.AST] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _dotted(node.func).split(".")[-1] == "njit":
            called.add(node.func)
            given = _keywords(module, node)
            missing = [f"{flag}={value!r}" for flag, value in JIT_FLAGS.items() if given.get(flag) != value]
            if missing:
                found.append((node.lineno, f"njit without {', '.join(missing)}"))
            if "fastmath" in given:
                found.append((node.lineno, "njit with fastmath"))
    imported = {name.split(".")[-1] for _, name in module.imports if name.startswith("numba.")}
    for node in ast.walk(module.tree):
        last = _dotted(node).split(".")[-1] if isinstance(node, ast.Name | ast.Attribute) else ""
        whole = _dotted(node) if last else ""
        if last == "njit" and node not in called:
            found.append((node.lineno, "njit without flags"))
        if last in OTHER_COMPILERS and (whole == f"numba.{last}" or (whole == last and last in imported)):
            found.append((node.lineno, f"{last} instead of njit"))
    return found


def randomness(module: Module) -> list[Violation]:
    """Random numbers come from a Generator that was passed in; only the composition root and testing make one."""
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Attribute):
            continue
        match = re.fullmatch(r"(?:np|numpy)\.random\.(\w+)", _dotted(node))
        if match and match.group(1) not in RANDOM_NAMES:
            found.append((node.lineno, f"{match.group(0)} uses global random state"))
        elif match and match.group(1) in RANDOM_MAKERS and module.room not in MAKES_RANDOM:
            found.append((node.lineno, f"{match.group(0)}: a Generator must be passed in"))
    for line, name in module.imports:
        match = re.fullmatch(r"numpy\.random\.(\w+)", name)
        if match and match.group(1) != "Generator":
            found.append((line, f"import {name}: write np.random.{match.group(1)}"))
    return found


def matrix_products(module: Module) -> list[Violation]:
    """No products that go to BLAS: its order of summation, and so the last bit, depends on the number of threads."""
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            found.append((node.lineno, "matrix product @ depends on the number of threads"))
        if isinstance(node, ast.Call):
            match = re.fullmatch(r"(?:np|numpy)\.(dot|matmul|tensordot|vdot|inner|linalg\.\w+)", _dotted(node.func))
            if match:
                found.append((node.lineno, f"{match.group(0)} depends on the number of threads"))
    return found


def calls(module: Module) -> list[Violation]:
    """Print in cli alone; no eval, exec, pickled arrays or shell anywhere.

    A ``..._worker`` is a program of its own, started by a room; its streams are how it answers.
    """
    is_program = bool(module.parts) and module.parts[-1].endswith("_worker")
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        name = _dotted(node.func)
        speaks = name == "print" or (name in ("sys.stdout.write", "sys.stderr.write") and not is_program)
        if speaks and module.room != "cli":
            found.append((node.lineno, f"{name} belongs in cli alone"))
        if name in UNSAFE_CALLS:
            found.append((node.lineno, f"{name} must not be used"))
        for word in node.keywords:
            if word.arg in ("allow_pickle", "shell") and not (
                isinstance(word.value, ast.Constant) and word.value.value is False
            ):
                found.append((node.lineno, f"{word.arg} must not be switched on"))
    return found


def module_state(module: Module) -> list[Violation]:
    """Module-level containers that could change are UPPER_CASE constants (or ``__all__``); no ``global``."""
    found = [(node.lineno, "global statement") for node in ast.walk(module.tree) if isinstance(node, ast.Global)]
    for node in module.tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        mutable = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp) or (
            isinstance(value, ast.Call) and _dotted(value.func).split(".")[-1] in MUTABLE_MAKERS
        )
        for target in targets:
            name = _dotted(target)
            if mutable and name != "__all__" and not re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name):
                found.append((node.lineno, f"module-level mutable {name}"))
    return found


def size(module: Module) -> list[Violation]:
    """Short files and functions; a docstring does not count toward its function."""
    found = []
    lines = module.text.count("\n") + 1
    if lines > MAX_FILE_LINES:
        found.append((1, f"file has {lines} lines, at most {MAX_FILE_LINES}"))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                length -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if length > MAX_FUNCTION_LINES:
                found.append((node.lineno, f"{node.name} has {length} lines, at most {MAX_FUNCTION_LINES}"))
    return found


RULES = (
    room_order,
    outside_libraries,
    heavy_at_start,
    kernel_imports,
    compiled_functions,
    randomness,
    matrix_products,
    calls,
    module_state,
    size,
)


def check(name: str, text: str) -> list[str]:
    """Return all violations of one file as ``name:line: message``.

    Parameters
    ----------
    name : str
        Dotted module name, for example ``sim.terrain.native``.
    text : str
        Its source.
    """
    module = Module(name, text)
    found = sorted({violation for rule in RULES for violation in rule(module)})
    return [f"{name}:{line}: {message}" for line, message in found]
