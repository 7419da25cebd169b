"""The run folder: written whole or not at all, and read back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sim.errors import DataError, ScenarioError
from sim.io.disk import disk_error, free_bytes, is_disk_error, write_bytes, write_text

if TYPE_CHECKING:
    import xarray as xr

RUN_FILE = "run.json"
DATASET_FILE = "result.nc"
#: Files that carry clock times; everything else repeats byte for byte.
CLOCK_FILES = (RUN_FILE, "log.txt")
FORMAT = 1


class RunFolder:
    """Context manager that makes a new folder appear complete, or not at all.

    Files go into a hidden folder beside the final place, which is renamed when the block ends without an
    exception and removed otherwise (Ctrl-C included).

    Parameters
    ----------
    path : folder to make; its parents are made too and removed again on failure
    overwrite : replace an earlier run folder of that name once the new one is complete

    Raises
    ------
    ScenarioError
        LS-212 when `path` exists; LS-213 from `inside`.
    DataError
        LS-310 when the disk is full or not writable.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place, RunFolder(Path(place) / "run") as folder:
    ...     _ = folder.write_text("note.txt", "hello")
    """

    def __init__(self, path: str | Path, overwrite: bool = False) -> None:
        self.final = Path(os.path.abspath(path))
        self._named = Path(path)  # as the user gave it, for messages
        self.overwrite = overwrite
        self._partial: Path | None = None
        self._made: list[Path] = []

    @property
    def path(self) -> Path:
        """The folder files are written into while the block runs."""
        if self._partial is None:
            raise ValueError("RunFolder is used outside its with block")
        return self._partial

    def __enter__(self) -> RunFolder:
        self._check_free()
        parent = self.final.parent
        try:
            self._make_parents(parent)
            for attempt in range(1000):
                suffix = f"{os.getpid()}" if attempt == 0 else f"{os.getpid()}-{attempt}"
                candidate = parent / f".{self.final.name}.partial-{suffix}"
                with suppress(FileExistsError):
                    candidate.mkdir()
                    self._partial = candidate
                    return self
        except OSError as error:
            self._discard()
            raise self._not_made(error) from error
        self._discard()
        raise DataError(
            310,
            str(self._named),
            expected="A thousand unfinished folders of this name lie beside it",
            remedy="Remove them",
        )

    def _not_made(self, error: OSError) -> DataError:
        if is_disk_error(error):
            return disk_error(self._named, error)
        reason = error.strerror or type(error).__name__
        remedy = "Give another place with --out"
        return DataError(310, str(self._named), expected=f"Cannot be made: {reason}", remedy=remedy)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            shown = self._with_final_name(error)
            self._discard()
            if shown is not None:
                raise shown from error
            if isinstance(error, OSError) and is_disk_error(error):
                raise disk_error(self._named, error) from error
            return
        try:
            self._finish()
        except OSError as failure:
            self._discard()
            raise disk_error(self._named, failure) from failure
        except BaseException:
            self._discard()
            raise

    def _with_final_name(self, error: BaseException) -> DataError | None:
        """The same LS-310 with the name the user gave instead of that of the hidden folder."""
        if not isinstance(error, DataError) or error.number != 310 or str(self.path) not in error.where:
            return None
        where = error.where.replace(str(self.path), str(self._named))
        return DataError(310, where, got=error.got, expected=error.expected, remedy=error.remedy)

    def _check_free(self) -> None:
        if not os.path.lexists(self.final):
            return
        if self.overwrite and (self.final / RUN_FILE).is_file():
            return
        remedy = "Give another name with --out, or remove the folder"
        if self.overwrite:
            remedy = "It holds no finished run, so it is not replaced; give another name or remove it yourself"
        raise ScenarioError(212, str(self._named), expected="Exists already, a run writes a new folder", remedy=remedy)

    def _make_parents(self, folder: Path) -> None:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir()
            self._made.append(place)

    def _finish(self) -> None:
        partial = self.path
        for folder, _, names in os.walk(partial):
            for name in names:
                _sync(Path(folder) / name)
            _sync(Path(folder))
        old: Path | None = None
        self._check_free()
        if os.path.lexists(self.final):
            old = partial.with_name(f"{partial.name}.old")
            os.rename(self.final, old)
        try:
            os.rename(partial, self.final)
        except BaseException:
            if old is not None:
                os.rename(old, self.final)
            raise
        self._partial = None
        _sync(self.final.parent)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)

    def _discard(self) -> None:
        if self._partial is not None:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial = None
        for place in reversed(self._made):
            # Something else may have moved in meanwhile; then the folder stays.
            with suppress(OSError):
                place.rmdir()
        self._made.clear()

    def inside(self, name: str) -> Path:
        """Path of a file in the folder (its subfolder is made), refusing names that lead out of it.

        Raises
        ------
        ScenarioError
            LS-213.
        """
        parts = PurePosixPath(name.replace("\\", "/"))
        target = (self.path / parts).resolve()
        if (
            not name
            or parts.is_absolute()
            or ".." in parts.parts
            or not target.is_relative_to(self.path.resolve())
            or target == self.path.resolve()
        ):
            raise ScenarioError(
                213,
                "output",
                got=repr(name),
                expected="Must be a name inside the run folder",
                remedy="Remove .. and leading / from it",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        return self.path / parts

    def require_space(self, needed: int) -> None:
        """Refuse to start when fewer than `needed` bytes are free.

        Raises
        ------
        DataError
            LS-310.
        """
        free = free_bytes(self.path)
        if 0 <= free < needed:
            raise DataError(
                310,
                str(self._named),
                expected=f"About {needed} bytes are needed, {free} bytes are free",
                remedy="Free some disk space, or choose another disk with --out",
            )

    def write_text(self, name: str, text: str) -> Path:
        """Write UTF-8 text and return its path."""
        path = self.inside(name)
        write_text(path, text)
        return path

    def write_bytes(self, name: str, data: bytes) -> Path:
        """Write bytes and return their path."""
        path = self.inside(name)
        write_bytes(path, data)
        return path

    def files(self) -> dict[str, dict[str, Any]]:
        """Size and SHA-256 of every file written so far, by name, except those with clock times."""
        found = {}
        for path in sorted(self.path.rglob("*")):
            name = path.relative_to(self.path).as_posix()
            if path.is_file() and name not in CLOCK_FILES:
                found[name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
        return found

    def write_run(self, document: Mapping[str, Any]) -> Path:
        """Write run.json, with the list of files; call it last."""
        whole = {"format": FORMAT, **document, "files": self.files()}
        return self.write_text(RUN_FILE, json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Run:
    """Reader over a finished run folder; nothing is loaded before it is asked for.

    path : the folder; provenance : content of run.json
    """

    def __init__(self, path: Path, provenance: Mapping[str, Any]) -> None:
        self.path = path
        self.provenance = provenance

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def dataset(self) -> xr.Dataset:
        """result.nc, opened lazily; close it, or use it in a with block."""
        import xarray as xr

        return xr.open_dataset(self.path / DATASET_FILE, engine="netcdf4", decode_times=False)

    def table(self, name: str) -> list[dict[str, str]]:
        """Rows of a CSV file of the folder, by column."""
        from sim.io.tables import read_table

        return read_table(self.path / name)

    def receptors(self) -> list[dict[str, str]]:
        """Rows of receptors.csv; empty in a channel scenario."""
        return self.table("receptors.csv") if (self.path / "receptors.csv").exists() else []

    def budget(self) -> list[dict[str, str]]:
        """Rows of budget.csv."""
        return self.table("budget.csv")

    @property
    def figures(self) -> tuple[Path, ...]:
        """Pictures of the run."""
        found = (self.path / "figures").glob("*")
        return tuple(sorted(path for path in found if path.suffix in (".png", ".svg", ".pdf")))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences the user must see."""
        return tuple(self.provenance.get("warnings", ()))

    @property
    def labels(self) -> tuple[str, ...]:
        """What every figure of the run carries."""
        return tuple(self.provenance.get("labels", ()))

    def changed_files(self) -> tuple[str, ...]:
        """Files whose bytes are no longer those the run wrote."""
        listed = self.provenance.get("files", {})
        return tuple(name for name, row in listed.items() if sha256(self.path / name) != row["sha256"])

    def info(self) -> dict[str, Any]:
        """A few lines that say what the folder holds."""
        document = self.provenance
        info: dict[str, Any] = {"folder": str(self.path)}
        for key in ("scenario", "title", "leachsim", "started", "finished", "scenario_digest", "seed", "threads"):
            if document.get(key) not in (None, ""):
                info[key.replace("_", " ")] = document[key]
        info["files"] = ", ".join(sorted(document.get("files", {})))
        for number, sentence in enumerate(self.warnings, start=1):
            info[f"warning {number}"] = sentence
        return info


def open_run(path: str | Path) -> Run:
    """Open a finished run folder.

    Raises
    ------
    DataError
        LS-301 when there is no such folder, LS-314 when it is not a complete run.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(
            301, str(path), expected="No such run folder", remedy="Give the folder that leachsim run has written"
        )
    place = folder / RUN_FILE
    try:
        document = json.loads(place.read_text(encoding="utf-8"))
        listed = document["files"]
        missing = [name for name in listed if not (folder / name).is_file()]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = "has no run.json" if not place.exists() else "has a run.json that cannot be read"
        raise DataError(314, str(folder), expected=f"The folder {reason}", remedy="Run the scenario again") from error
    if missing:
        shown = ", ".join(sorted(missing)[:5])
        raise DataError(
            314, str(folder), got=shown, expected="These files of the run are missing", remedy="Run the scenario again"
        )
    return Run(folder, document)
