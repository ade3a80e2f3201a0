"""The folder of a run: ``solution.h5``, pictures, sounds and ``summary.json``.

The subtle contract: a file that cannot be written costs no other file. Failures are kept, and the caller reports them.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sirenpde.errors import ResourceError, SirenPDEError, UsageError
from sirenpde.solution import atomic

# What needs torch is imported where it is used, so that the command can show its help without it.
if TYPE_CHECKING:
    from sirenpde.solution.archive import Archive
    from sirenpde.solution.solution import Solution

SOLUTION, SUMMARY = "solution.h5", "summary.json"


def prepare(folder: Path, *, force: bool) -> list[Path]:
    """Make the folder of a run, and make sure that it can be written to, before anything is computed.

    Args:
        folder: The folder; those above it are made too.
        force: Whether to write among files that are there already; those of the same name are replaced.

    Returns:
        The folders that were made: the inner ones first.

    Raises:
        UsageError: If it is a file, may not be written to, or holds something and ``force`` is false.
        ResourceError: If there is no room.
    """
    try:
        made = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        held = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except (OSError, ValueError) as error:
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
        kind = ResourceError if isinstance(error, OSError) and error.errno in atomic.NO_ROOM else UsageError
        msg = f'the folder "{folder}" cannot be written to: {cause}.\n  Name another one with --out.'
        raise kind(msg) from error
    if held and not force:
        what = "holds an earlier run" if SOLUTION in held else f"holds other files, such as {held[0]!r}"
        msg = f'the folder "{folder}" {what}.\n  Name another with --out, or --force to replace files of the same name.'
        raise UsageError(msg)
    return made


@dataclass
class Outputs:
    """What was written into a folder, and what could not be.

    Attributes:
        folder: The folder.
        files: The names that were written, in order.
        failures: What went wrong.
    """

    folder: Path
    files: list[str] = field(default_factory=list)
    failures: list[SirenPDEError] = field(default_factory=list)

    def write(self, name: str, writer: Callable[[Path], None]) -> None:
        """Write one file."""
        with self.guarded():
            writer(self.folder / name)
            self.files += [] if name in self.files else [name]

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Keep what goes wrong inside."""
        try:
            yield
        except SirenPDEError as error:
            self.failures.append(error)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self.failures.append(out_of_memory(error))


Hook = Callable[["Solution"], dict[str, Any]]


def save(kept: Outputs, solution: Solution, more_scores: Hook, more_figures: Hook) -> Archive | None:
    """Write everything that a run leaves, each file whatever became of the others, and the solution before all else.

    Args:
        kept: The folder.
        solution: What to write.
        more_scores: Numbers that the problem measures itself: they join the solution's own, and it is written again.
        more_figures: Pictures that the problem draws itself.

    Returns:
        What the file keeps; None if it could not be made.
    """
    from sirenpde.solution import hdf5
    from sirenpde.solution.figures import figures  # matplotlib takes a second to import

    archive = None
    with kept.guarded():
        archive = solution.archive()
    if archive is None:
        return None
    _write_archive(kept, archive)
    with kept.guarded():
        more = more_scores(solution)
        solution.score.update(more)
        archive = solution.archive()
        if more:
            kept.write(SOLUTION, lambda path: hdf5.write(path, archive))
    with kept.guarded():
        write_pictures(kept, figures(archive))
    with kept.guarded():
        write_pictures(kept, more_figures(solution))
    _write_summary(kept, archive, solution.status.message)
    return archive


def _write_archive(outputs: Outputs, archive: Archive) -> None:
    """Write the solution, and where it is a sound, the fit and its target."""
    from sirenpde.solution import export, hdf5

    outputs.write(SOLUTION, lambda path: hdf5.write(path, archive))
    if archive.settings.get("kind") == "sound" and archive.values:
        outputs.write("fit.wav", lambda path: export.write_fit(archive, path))
        if f"{next(iter(archive.fields))}_reference" in archive.values:
            outputs.write("target.wav", lambda path: export.write_target(archive, path))


def write_pictures(outputs: Outputs, pictures: Mapping[str, Any]) -> None:
    """Write figures as ``NAME.png``.

    Args:
        outputs: Where.
        pictures: Name → matplotlib figure.
    """
    from sirenpde.solution.figures import png

    for name, figure in pictures.items():
        outputs.write(f"{name}.png", lambda path, figure=figure: atomic.write_bytes(path, png(figure)))  # type: ignore[misc]


def _write_summary(outputs: Outputs, archive: Archive, message: str) -> None:
    """Write what a program would ask of a run, as JSON; numbers that are not finite are null."""
    seconds = list(archive.history.get("seconds", []))
    summary = {
        "name": archive.problem,
        "status": archive.status,
        "message": message,
        "score": {name: _finite(value) for name, value in archive.verification.items()},
        "unknowns": {
            name: {"value": _finite(value), **archive.settings.get("unknowns", {}).get(name, {})}
            for name, value in archive.unknowns.items()
        },
        "seconds": float(seconds[-1]) if seconds else 0.0,
        "steps": len(seconds),
        "settings": archive.settings,
        "provenance": archive.provenance,
        "files": [*outputs.files, SUMMARY],
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    outputs.write(SUMMARY, lambda path: atomic.write_bytes(path, text.encode()))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def remove_if_empty(folders: Sequence[Path]) -> None:
    """Remove the folders, the inner ones first, that nothing was written into."""
    with contextlib.suppress(OSError):
        for folder in folders:
            os.rmdir(folder)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception means, or was caused by, memory that ran out: Python's own, or a torch allocator's."""
    if isinstance(error, SirenPDEError):
        return (
            not isinstance(error, ResourceError) and error.__cause__ is not None and is_out_of_memory(error.__cause__)
        )
    words = ("out of memory", "can't allocate memory", "not enough memory")
    told = isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
    return isinstance(error, MemoryError) or told


def out_of_memory(error: BaseException) -> ResourceError:
    """Return the package's own error for it."""
    first = str(error).split("\n", maxsplit=1)[0]
    advice = "Take a smaller problem, network or number of points."
    return ResourceError(f"the memory ran out{': ' + first[:200] if first else ''}.\n  {advice}")
