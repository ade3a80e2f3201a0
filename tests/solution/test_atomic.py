"""The only writer: old file or new file, whatever happens."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sirenpde.errors import ResourceError, UsageError
from sirenpde.solution import atomic, hdf5

ROOT = Path(__file__).parents[2]

posix = pytest.mark.skipif(os.name != "posix", reason="signals, links and pipes of POSIX")


def run_child(script: str, folder: Path) -> str:
    """Run a script in another process, which may limit or end itself, and return what it printed."""
    search = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(folder)],
        env=os.environ | {"PYTHONPATH": search, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_holds_the_bytes_and_the_usual_permissions(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "new.h5", b"abc")
    (tmp_path / "usual").touch()
    assert (tmp_path / "new.h5").read_bytes() == b"abc"
    assert (tmp_path / "new.h5").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert names(tmp_path) == ["new.h5", "usual"]


def test_a_replaced_file_passes_its_permissions_on(tmp_path: Path) -> None:
    path = tmp_path / "private.h5"
    path.write_bytes(b"old")
    path.chmod(0o600)
    atomic.write_bytes(path, memoryview(b"new"))
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


ODD = {"space": "with space.h5", "umlauts": "größe Φ.h5", "longest": "n" * 255, "longest umlauts": "ü" * 127}


@pytest.mark.parametrize("name", list(ODD.values()), ids=list(ODD))
def test_odd_and_long_names_work(tmp_path: Path, name: str) -> None:
    atomic.write_bytes(tmp_path / name, b"abc")
    assert names(tmp_path) == [name]


def test_a_relative_path_is_meant_where_the_process_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    atomic.write_bytes("here.h5", b"abc")
    assert names(tmp_path) == ["here.h5"]


def test_a_name_that_is_too_long_is_named_with_its_length(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a name of 300 bytes; the file system takes 255\.\n  Shorten it\.$"):
        atomic.write_bytes(tmp_path / ("n" * 300), b"abc")


@posix
def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.h5", tmp_path / "link.h5"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic.write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@posix
def test_a_dangling_link_makes_the_file_that_it_names(tmp_path: Path) -> None:
    link = tmp_path / "link.h5"
    link.symlink_to(tmp_path / "missing.h5")
    atomic.write_bytes(link, b"new")
    assert (tmp_path / "missing.h5").read_bytes() == b"new"


@posix
def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    cases = {
        str(tmp_path): "it is a folder",
        str(tmp_path / "pipe"): "it is a pipe or a device",
        "/dev/full": "it is a pipe or a device",
        "/dev/null": "it is a pipe or a device",
        str(tmp_path / "loop"): "Too many levels of symbolic links",
        str(tmp_path / "nul\0.h5"): "embedded null byte",
        "": "it is a folder",
        str(tmp_path / "missing") + "/": "it is a folder",
    }
    for path, message in cases.items():
        with pytest.raises(UsageError, match=message):
            atomic.write_bytes(path, b"abc")
    assert names(tmp_path) == ["loop", "pipe"]


def test_a_folder_that_is_missing_or_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, cause in {"missing": "No such file or directory", "file": "Not a directory"}.items():
        path = tmp_path / folder / "out.h5"
        with pytest.raises(UsageError, match=f"into the folder '{path.parent}': {cause}.\n  Make the folder"):
            atomic.write_bytes(path, b"abc")


@posix
def test_a_read_only_folder_is_named() -> None:
    # Root may write anywhere, so the child gives up being root; hence a folder whose parents let everybody through.
    script = """
    import os, sys
    from sirenpde.errors import UsageError
    from sirenpde.solution import atomic
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        atomic.write_bytes(sys.argv[1] + "/out.h5", b"abc")
    except UsageError as error:
        print(error)
    """
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o555)
        assert f"into the folder '{folder}': Permission denied" in run_child(script, folder)
        assert names(folder) == []
    finally:
        folder.rmdir()


@posix
def test_no_room_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    script = """
    import resource, sys
    from sirenpde.errors import ResourceError
    from sirenpde.solution import atomic
    path = sys.argv[1] + "/out.h5"
    atomic.write_bytes(path, b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        atomic.write_bytes(path, bytes(100_000))
    except ResourceError as error:
        print(error)
    """
    message = run_child(script, tmp_path)
    assert "100000 bytes: File too large" in message
    assert "What was there before is unchanged" in message
    assert (tmp_path / "out.h5").read_bytes() == b"old"
    assert names(tmp_path) == ["out.h5"]


@pytest.mark.parametrize("place", ["open", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.EIO, errno.EROFS])
def test_every_failing_call_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, code: int
) -> None:
    path = tmp_path / "out.h5"
    path.write_bytes(b"old")
    expected = UsageError if code in (errno.EIO, errno.EROFS) else ResourceError
    with monkeypatch.context() as patch:
        patch.setattr(os, place, failing(OSError(code, os.strerror(code))))
        with pytest.raises(expected, match=os.strerror(code)):
            atomic.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out.h5"]


def failing(error: BaseException) -> Any:
    def call(*_args: Any, **_options: Any) -> None:
        raise error

    return call


@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_an_interrupt_passes_through_and_leaves_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, place, failing(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            atomic.write_bytes(tmp_path / "out.h5", b"new")
    assert names(tmp_path) == []


def test_a_temporary_that_bears_our_number_is_passed_over(tmp_path: Path) -> None:
    """In a container every process may have number 7: a dead one's leftover must not stop the next."""
    left = tmp_path / f".out.h5.{os.getpid()}.tmp"
    left.write_bytes(b"left")
    atomic.write_bytes(tmp_path / "out.h5", b"new")
    assert (tmp_path / "out.h5").read_bytes() == b"new"
    assert left.read_bytes() == b"left"


@posix
def test_the_sweep_removes_temporaries_of_dead_processes_only(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead, alive = tmp_path / f".a.h5.{child.pid}.tmp", tmp_path / f".a.h5.{os.getpid()}.tmp"
    others = [tmp_path / name for name in ("a.h5", ".a.tmp", f".a.h5.{child.pid}.tmp.bak", f"a.h5.{child.pid}.tmp")]
    for path in (dead, alive, *others):
        path.touch()
    assert atomic.sweep(tmp_path) == [dead]
    assert sorted(tmp_path.iterdir()) == sorted([alive, *others])


@posix
def test_a_kill_while_writing_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """Forty kills at random moments, in a process of its own that forks: forty interpreters would take minutes."""
    script = """
    import os, random, signal, sys, time
    import archives
    from sirenpde.solution import atomic, hdf5
    target = sys.argv[1] + "/out.h5"
    images = [hdf5.encode(archives.make(kind)) for kind in ("plane in time", "solid")]
    atomic.write_bytes(target, images[0])
    chance, seen = random.Random(0), set()
    for _ in range(40):
        pid = os.fork()
        if pid == 0:
            while True:
                for image in images:
                    atomic.write_bytes(target, image)
        time.sleep(chance.uniform(0.0, 0.02))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        hdf5.read(target)
        seen.add(images.index(open(target, "rb").read()))
        atomic.sweep(sys.argv[1])
    print(seen == {0, 1}, sorted(os.listdir(sys.argv[1])))
    """
    assert run_child(script, tmp_path) == "True ['out.h5']"


@pytest.mark.parametrize("path", [3, None], ids=["number", "nothing"])
def test_what_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(UsageError, match="in place of a path; expected one such as"):
        atomic.write_bytes(path, b"")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="in place of a path; expected one such as"):
        hdf5.read(path)  # type: ignore[arg-type]


def test_a_path_of_bytes_is_taken(tmp_path: Path) -> None:
    atomic.write_bytes(os.fsencode(tmp_path / "it"), b"content")  # type: ignore[arg-type]
    assert (tmp_path / "it").read_bytes() == b"content"
