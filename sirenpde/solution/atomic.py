"""Write a file whole or not at all: a crash, a full disk or a kill leaves the old file or the new one.

The bytes go to a temporary ``.NAME.PID.tmp`` in the same folder, are forced to the disk, and are then renamed over the
target. This is the only writer of the package; pictures and sounds go through it too.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
from pathlib import Path

from sirenpde.errors import ResourceError, SirenPDEError, UsageError

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_HANDLES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_NAME_BYTES = 255
_TEMPORARY = re.compile(r"\..+\.(\d{1,10})(?:\.\d{1,2})?\.tmp", re.DOTALL)

# Absent on Windows, where links are rare and O_EXCL alone must do.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | getattr(os, "O_BINARY", 0)


def write_bytes(path: str | os.PathLike[str], data: bytes | memoryview) -> None:
    """Replace the file at a path by these bytes, at once.

    A link is followed: the file that it points to is replaced. A file that is replaced passes its permissions on; a new
    one gets the usual ones.

    Args:
        path: Where to write; its folder must exist.
        data: The whole content.

    Raises:
        UsageError: If the path is a folder, a pipe or a device, or its folder is missing or may not be written.
        ResourceError: If there is no room on the disk.
    """
    path = path_text(path)
    try:
        target, mode = _resolve(path)
        _replace(target, mode, data)
    except SirenPDEError:
        raise
    except (OSError, ValueError) as error:  # ValueError: NUL or lone surrogates in the path.
        raise _explain(path, len(data), error) from error


def path_text(path: object) -> str:
    """Return a path as text; refuse what is none."""
    if not isinstance(path, str | bytes | os.PathLike):
        msg = f'got a {type(path).__name__} in place of a path; expected one such as "solution.h5".'
        raise UsageError(msg)
    return os.fsdecode(path)


def sweep(folder: str | os.PathLike[str]) -> list[Path]:
    """Remove the temporaries that killed processes left in a folder, and return their paths.

    Only names of the form ``.NAME.PID.tmp`` whose process is gone are touched. Call it under the lock of the run.
    """
    removed = []
    for path in sorted(Path(folder).iterdir()):
        match = _TEMPORARY.fullmatch(path.name)
        if match and path.is_file() and not path.is_symlink() and not _alive(int(match[1])):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _alive(pid: int) -> bool:
    if os.name != "posix":  # Elsewhere signal 0 would end the process instead of asking for it.
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _resolve(name: str) -> tuple[str, int | None]:
    """Return the absolute target behind all links, and the permissions of a file that is there already."""
    if not os.path.basename(name) or os.path.isdir(name):
        msg = f"cannot write {name!r}: it is a folder.\n  Name a file in it."
        raise UsageError(msg)
    target = os.path.realpath(name)
    try:
        status = os.stat(name)
    except FileNotFoundError:
        return target, None
    if not stat.S_ISREG(status.st_mode):
        msg = f"cannot write {name!r}: it is a pipe or a device.\n  Name a file."
        raise UsageError(msg)
    return target, stat.S_IMODE(status.st_mode) & 0o777


def _replace(target: str, mode: int | None, data: bytes | memoryview) -> None:
    descriptor, temporary = _create(target)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:  # KeyboardInterrupt too: whatever ends this must not leave the temporary behind.
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _flush_folder(os.path.dirname(target))


def _create(target: str) -> tuple[int, str]:
    """Create the temporary: a name that another thread, or a dead process with our number, holds is passed over."""
    folder, name = os.path.split(target)
    for attempt in itertools.count():
        suffix = f".{os.getpid()}.tmp" if attempt == 0 else f".{os.getpid()}.{attempt}.tmp"
        short = os.fsencode(name)[: _NAME_BYTES - len(suffix) - 1].decode("utf-8", "ignore")
        temporary = os.path.join(folder, f".{short}{suffix}")
        try:
            return os.open(temporary, _CREATE, 0o666), temporary
        except FileExistsError:
            if attempt == 99:
                raise
    raise AssertionError


def _flush_folder(folder: str) -> None:
    """Make the renaming durable. The new file is in place by now, so a system that cannot flush folders is no error."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _explain(name: str, size: int, error: OSError | ValueError) -> SirenPDEError:
    folder = os.path.dirname(os.path.abspath(name.replace("\0", "?")))
    code = error.errno if isinstance(error, OSError) else None
    cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if code in NO_ROOM:
        advice = f"What was there before is unchanged. Make room in {folder!r}, or name another folder."
        msg = f"no room to write {name!r}, {size} bytes: {cause}.\n  {advice}"
        return ResourceError(msg)
    if code in _NO_HANDLES:
        msg = f"cannot write {name!r}: {cause}.\n  Too many files are open, or the system is out of memory."
        return ResourceError(msg)
    if code == errno.ENAMETOOLONG:
        longest = max(len(os.fsencode(part)) for part in name.split(os.sep))
        msg = f"cannot write {name!r}: a name of {longest} bytes; the file system takes {_NAME_BYTES}.\n  Shorten it."
        return UsageError(msg)
    advice = "Make the folder, or name one that you may write to."
    msg = f"cannot write {name!r} into the folder {folder!r}: {cause}.\n  {advice}"
    return UsageError(msg)
