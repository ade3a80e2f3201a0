"""The live display of a run: one bar, the loss, its terms, and the time left; nothing where there is no terminal."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class ProgressDisplay:
    """A context in which steps are shown. Drawn at most ten times a second, whatever the number of steps."""

    def __init__(
        self, title: str, steps: int, names: Sequence[str], *, shown: bool, console: Console | None = None
    ) -> None:
        """Prepare the display.

        Args:
            title: The problem's name.
            steps: The budget of steps.
            names: The constraints.
            shown: Whether to show anything; even so, nothing is shown where the console is no terminal.
            console: Where to draw; the process's error stream if left out.
        """
        console = console or Console(stderr=True)
        self._names = list(names)
        self._taken, self._factor = 0, 1.0
        columns = [
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("loss {task.fields[loss]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        ]
        self._progress = Progress(
            *columns, console=console, disable=not (shown and console.is_terminal), transient=False
        )
        self._task = self._progress.add_task(title, total=steps, loss="")

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        self._progress.stop()

    def resume(self, taken: int, factor: float) -> None:
        """Count on from the steps that were taken, and multiply every loss by a factor, from now on."""
        self._taken, self._factor = taken, factor

    def update(self, step: int, loss: float, terms: Sequence[float]) -> None:
        """Show a step."""
        if self._progress.disable:
            return
        shares = ", ".join(f"{name} {self._factor * term:.2e}" for name, term in zip(self._names, terms, strict=True))
        text = f"{self._factor * loss:.3e}" + (f" ({shares})" if len(self._names) > 1 else "")
        self._progress.update(self._task, completed=self._taken + step, loss=text)
