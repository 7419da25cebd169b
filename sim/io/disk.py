"""Writing bytes to disk so that a full disk is told apart from a bug, with the numbers a user needs."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sim.errors import DataError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_PROBE = 1 << 20


def free_bytes(path: Path) -> int:
    """Free bytes on the disk that holds `path` (or will hold it); -1 where it cannot be told."""
    for folder in (path, *path.parents):
        with suppress(OSError):
            return shutil.disk_usage(folder).free
    return -1


def is_disk_error(error: BaseException) -> bool:
    """True for errors of the operating system that mean: full, over quota, too large or not writable."""
    return isinstance(error, OSError) and error.errno in _FULL | _REFUSED


def disk_error(path: Path, error: OSError, needed: str = "") -> DataError:
    """LS-310 for an error of the operating system; `needed` says how many bytes, where that is known."""
    free = free_bytes(path)
    room = f"{free} bytes are free" if free >= 0 else "free space is not known"
    if error.errno in _REFUSED:
        return DataError(
            310,
            str(path),
            expected=f"Cannot be written: {error.strerror or error}",
            remedy="Choose a folder you may write to",
        )
    need = f"{needed} bytes are needed, " if needed else ""
    return DataError(
        310,
        str(path),
        expected=f"Cannot be written: {error.strerror or error} ({need}{room})",
        remedy="Free some disk space or quota, or choose another disk",
    )


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write `data` whole.

    Raises
    ------
    DataError
        LS-310 when the disk is full or not writable.
    """
    try:
        with path.open("wb") as stream:
            stream.write(data)
    except OSError as error:
        if is_disk_error(error):
            raise disk_error(path, error, str(len(data))) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with line ends as they are; errors as `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def library_writes(path: Path, shown: Path | None = None) -> Iterator[None]:
    """Turn a failure inside a library that writes `path` into LS-310 when the disk refuses more bytes.

    GDAL, SQLite and HDF5 report a full disk as one of many errors of their own. The disk itself knows: one more
    mebibyte is appended to the broken file and removed again. `shown` is the name for the message.
    """
    try:
        yield
    except (KeyboardInterrupt, DataError):
        raise
    except Exception as error:
        refused = error if isinstance(error, OSError) and is_disk_error(error) else _refuses(path)
        if refused is None:
            raise
        raise disk_error(shown or path, refused, f"at least {_size(path) + _PROBE}") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _refuses(path: Path) -> OSError | None:
    """The error the operating system gives when one more mebibyte is appended; None when it takes it."""
    existed, before = path.exists(), _size(path)
    try:
        with path.open("ab") as stream:
            stream.write(bytes(_PROBE))
    except OSError as error:
        return error if is_disk_error(error) else None
    finally:
        with suppress(OSError):
            if existed:
                os.truncate(path, before)
            else:
                path.unlink()
    return None
