"""What the notes of a solution by windows say: what each window met, how it ended, and which ended badly."""

from __future__ import annotations

from collections.abc import Sequence

from sirenpde.solution.solution import Solution

#: From this many times the largest residual of the best window on, a window ended badly.
BADLY = 10.0

_RESIDUAL = "residual_"


def window_notes(places: Sequence[str], solutions: Sequence[Solution], missed: Sequence[str]) -> list[str]:
    """Return what to say of the windows, in their order.

    A window that ended badly is told by its largest residual beside that of the best one: it has the same equations.

    Args:
        places: What each window is called.
        solutions: What was reached in each.
        missed: For each the sentence that says which target it missed; empty where it missed none.
    """
    largest = [_largest(each) for each in solutions]
    best = min((size for size, _ in filter(None, largest)), default=0.0)
    notes: list[str] = []
    for place, solution, target, end in zip(places, solutions, missed, largest, strict=True):
        own = [*solution.settings.get("notes", []), *([target] if target else []), _ended(solution, end)]
        if end is not None and end[0] > BADLY * best:
            own.append(
                f"that residual is more than {BADLY:g} times the {best:.2g} of the best window, and all windows after "
                "this one go on from its error. Give it more steps or seconds, or shorter windows there."
            )
        notes += [f"{place}: {note}" for note in own]
    return notes


def _largest(solution: Solution) -> tuple[float, str] | None:
    """Return the largest residual on points that were not trained on, and its constraint; None where none was taken."""
    found = [
        (size, name.removeprefix(_RESIDUAL)) for name, size in solution.score.items() if name.startswith(_RESIDUAL)
    ]
    return max(found, default=None)


def _ended(solution: Solution, end: tuple[float, str] | None) -> str:
    steps = f"{len(solution.history)} steps"
    if end is not None:
        return f'{steps}; its largest residual at the end is {end[0]:.2g}, of "{end[1]}".'
    return f"{steps}; its last loss is {solution.history.loss[-1]:.2g}." if len(solution.history) else f"{steps}."
