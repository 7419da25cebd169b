"""The run folder appears whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.errors import DataError, ScenarioError
from sim.io import disk
from sim.io.dataset import write_dataset
from sim.io.provenance import clock, provenance
from sim.io.runfolder import RunFolder, open_run
from sim.io.tables import write_budget, write_receptors
from sim.testing.results import synthetic_result


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def document(**more: object) -> dict[str, object]:
    return provenance(
        scenario="valley", title="Valley", scenario_digest="ab", inputs={}, threads=2, started=clock(),
        timings={"all": 1.0}, warnings=("mind this",), labels=("modelled",), seed=7, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "run"
    with RunFolder(target) as folder:
        folder.write_text("a.txt", "a")
        folder.inside("figures/map.png").write_bytes(b"png")
        assert not target.exists()
        assert folder.path.name.startswith(".run.partial-")
    assert everything(tmp_path) == [
        "new", "new/deep", "new/deep/run", "new/deep/run/a.txt", "new/deep/run/figures", "new/deep/run/figures/map.png",
    ]  # fmt: skip


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_nothing_is_left_after_an_exception(tmp_path: Path, error: BaseException) -> None:
    def fail() -> None:
        with RunFolder(tmp_path / "new" / "deep" / "run") as folder:
            folder.write_text("a.txt", "a")
            folder.inside("sub/b.txt").write_text("b")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert everything(tmp_path) == []


def test_existing_parents_stay(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="bug"), RunFolder(tmp_path / "mine" / "a" / "run"):
        raise ValueError("bug")
    assert everything(tmp_path) == ["mine"]


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_existing_path_is_refused(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "run"
    {"folder": target.mkdir, "file": target.touch, "dangling link": lambda: target.symlink_to(tmp_path / "no")}[kind]()
    with pytest.raises(ScenarioError) as caught, RunFolder(target):
        pass
    assert str(caught.value) == (
        f"LS-212 {target}. Exists already, a run writes a new folder. Give another name with --out, or remove the "
        "folder. See docs/errors.md#ls-212."
    )
    assert everything(tmp_path) == ["run"]


def test_path_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    def meanwhile() -> None:
        with RunFolder(tmp_path / "run"):
            (tmp_path / "run").mkdir()
            (tmp_path / "run" / "theirs").touch()

    with pytest.raises(ScenarioError) as caught:
        meanwhile()
    assert caught.value.number == 212
    assert everything(tmp_path) == ["run", "run/theirs"]


def test_overwrite_replaces_a_run_and_nothing_else(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with RunFolder(tmp_path / "run", overwrite=True) as folder:
            folder.write_text("a.txt", text)
            folder.write_run(document())
    assert (tmp_path / "run" / "a.txt").read_text() == "two"
    with pytest.raises(ValueError, match="bug"), RunFolder(tmp_path / "run", overwrite=True):
        raise ValueError("bug")
    assert (tmp_path / "run" / "a.txt").read_text() == "two"
    (tmp_path / "photos").mkdir()
    with pytest.raises(ScenarioError) as caught, RunFolder(tmp_path / "photos", overwrite=True):
        pass
    assert caught.value.number == 212
    assert everything(tmp_path) == ["photos", "run", "run/a.txt", "run/run.json"]


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "", "..", ".", "..\\a"])
def test_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    with RunFolder(tmp_path / "run") as folder, pytest.raises(ScenarioError) as caught:
        folder.inside(name)
    assert str(caught.value) == (
        f"LS-213 output = {name!r}. Must be a name inside the run folder. Remove .. and leading / from it. "
        "See docs/errors.md#ls-213."
    )


def test_links_that_leave_the_folder(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run") as folder:
        (folder.path / "out").symlink_to(tmp_path)
        with pytest.raises(ScenarioError):
            folder.inside("out/a.txt")
        (folder.path / "out").unlink()


def test_too_little_space_is_said_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.io.runfolder.free_bytes", lambda path: 1000)

    def require(needed: int) -> None:
        with RunFolder(tmp_path / "enough") as folder:
            folder.require_space(999)
        with RunFolder(tmp_path / "run") as folder:
            folder.require_space(needed)

    with pytest.raises(DataError) as caught:
        require(5000)
    assert str(caught.value) == (
        f"LS-310 {tmp_path / 'run'}. About 5000 bytes are needed, 1000 bytes are free. Free some disk space, or choose "
        "another disk with --out. See docs/errors.md#ls-310."
    )
    assert everything(tmp_path) == ["enough"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real = Path.open

    def full(path: Path, mode: str = "r", *args: object, **options: object) -> object:
        if "b" in mode and "w" in mode and path.name == "big":
            raise OSError(number, os.strerror(number))
        return real(path, mode, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    monkeypatch.setattr(disk, "free_bytes", lambda path: 12)

    def write() -> None:
        with RunFolder(tmp_path / "new" / "run") as folder:
            folder.write_bytes("small", b"1")
            folder.write_bytes("big", b"12345")

    with pytest.raises(DataError) as caught:
        write()
    assert str(caught.value) == (
        f"LS-310 {tmp_path / 'new' / 'run' / 'big'}. Cannot be written: {os.strerror(number)} (5 bytes are needed, 12 "
        "bytes are free). Free some disk space or quota, or choose another disk. See docs/errors.md#ls-310."
    )
    assert caught.value.exit_code == 3
    assert everything(tmp_path) == []


def test_full_disk_in_anyones_writer(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught, RunFolder(tmp_path / "run"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.number == 310
    assert str(tmp_path / "run") in str(caught.value)
    assert everything(tmp_path) == []


def test_other_errors_of_the_system_are_bugs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), RunFolder(tmp_path / "run") as folder:
        (folder.path / "no").read_text()
    assert everything(tmp_path) == []


def test_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError) as caught, RunFolder(tmp_path / "file" / "run"):
        pass
    assert str(caught.value) == (
        f"LS-310 {tmp_path / 'file' / 'run'}. Cannot be made: Not a directory. Give another place with --out. "
        "See docs/errors.md#ls-310."
    )


def test_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DataError) as caught, RunFolder(tmp_path / "run"):
        pass
    assert str(caught.value) == (
        f"LS-310 {tmp_path / 'run'}. Cannot be written: Permission denied. Choose a folder you may write to. "
        "See docs/errors.md#ls-310."
    )


def test_failed_rename_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(DataError), RunFolder(tmp_path / "run") as folder:
        folder.write_text("a.txt", "a")
    assert everything(tmp_path) == []


FULL = """
import resource, sys
from pathlib import Path
from sim.errors import LeachSimError
from sim.io.cog import write_exposure_rasters
from sim.io.dataset import write_dataset
from sim.io.layers import write_reaches, write_zones
from sim.io.runfolder import RunFolder
from sim.io.tables import write_budget
from sim.testing.results import synthetic_result

result = synthetic_result()
writers = {
    "result.nc": (100_000, write_dataset),
    "reaches.gpkg": (100_000, lambda path, result: write_reaches(path, result, digest="ab")),
    "zones.gpkg": (100_000, lambda path, result: write_zones(path, result, digest="ab")),
    "exposure": (4_000, lambda path, result: write_exposure_rasters(path.parent, result)),
    "budget.csv": (1_000, write_budget),
}
out = Path(sys.argv[1])
said = []
for name, (limit, write) in writers.items():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with RunFolder(out / "new" / "run") as folder:
            write(folder.inside(name), result)
        said.append(f"{name} was written")
    except LeachSimError as error:
        said.append(f"{error.number} {error.exit_code} {error}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    said.append(str(sorted(path.name for path in out.iterdir())))
sys.stdout.write("\\n".join(said))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files, which Windows lacks")
def test_every_writer_on_a_full_disk(tmp_path: Path) -> None:
    """A limit on file sizes stands for the full disk: the real writers, the real system."""
    root = Path(__file__).resolve().parents[2]
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "out")],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    names = ("result.nc", "reaches.gpkg", "zones.gpkg", "exposure_nh.tif", "budget.csv")
    assert len(lines) == 2 * len(names)
    for name, said, left in zip(names, lines[::2], lines[1::2], strict=True):
        assert said.startswith(
            f"310 3 LS-310 {tmp_path / 'out' / 'new' / 'run' / name}. Cannot be written: File too large ("
        )
        assert " bytes are needed, " in said
        assert " bytes are free)" in said
        assert left == "[]"


def test_run_is_read_back(tmp_path: Path) -> None:
    result = synthetic_result()
    with RunFolder(tmp_path / "run") as folder:
        write_dataset(folder.inside("result.nc"), result)
        write_budget(folder.inside("budget.csv"), result)
        write_receptors(folder.inside("receptors.csv"), result)
        folder.inside("figures/map.png").write_bytes(b"png")
        folder.write_text("log.txt", clock())
        folder.write_run(document())
    run = open_run(tmp_path / "run")
    with run.dataset() as dataset:
        assert dataset.sizes["node"] == result.network.size
    assert [row["name"] for row in run.receptors()] == list(result.exposure.receptors.name)  # type: ignore[union-attr]
    assert run.budget()
    assert [path.name for path in run.figures] == ["map.png"]
    assert run.labels == ("modelled",)
    assert run.info()["warning 1"] == "mind this"
    assert run.provenance["packages"]["numpy"]
    assert set(run.provenance["files"]) == {"budget.csv", "figures/map.png", "receptors.csv", "result.nc"}
    assert run.changed_files() == ()
    (tmp_path / "run" / "budget.csv").write_text("changed")
    assert run.changed_files() == ("budget.csv",)


def test_folders_that_are_no_run(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_run(tmp_path / "no")
    assert caught.value.number == 301
    with pytest.raises(DataError) as caught:
        open_run(tmp_path)
    assert str(caught.value) == (
        f"LS-314 {tmp_path}. The folder has no run.json. Run the scenario again. See docs/errors.md#ls-314."
    )
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError) as caught:
        open_run(tmp_path)
    assert "has a run.json that cannot be read" in str(caught.value)
    (tmp_path / "run.json").write_text(json.dumps({"files": {"result.nc": {"bytes": 1, "sha256": ""}}}))
    with pytest.raises(DataError) as caught:
        open_run(tmp_path)
    assert str(caught.value) == (
        f"LS-314 {tmp_path} = result.nc. These files of the run are missing. Run the scenario again. "
        "See docs/errors.md#ls-314."
    )
