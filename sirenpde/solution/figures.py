"""Pictures of a solution, drawn from what its file keeps: a run and ``sirenpde plot`` show the same.

No code of the problem is needed, and none is run. The kind in the settings decides: a picture, a sound, or a field.
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure

from sirenpde.solution.archive import Archive
from sirenpde.solution.field_sheet import line_sheet, plane_sheet, solid_sheet
from sirenpde.solution.panels import FAINT, INK, draw_lines, head, legend, new_sheet
from sirenpde.solution.picture_sheet import picture_sheet
from sirenpde.solution.sound_sheet import sound_seconds, sound_sheet

_LINES = ("#1f5f99", "#c8741a", "#3b8a4e", "#8a4f9e", "#a8322a", "#4aa3a2", "#8c6d31", "#d16ba5")


def figures(archive: Archive) -> dict[str, Figure]:
    """Return the pictures of a solution: one sheet per field, by its name, and the history of the run.

    A problem without a grid, of four coordinates or more, has no sheets; a run without steps has no history.

    Args:
        archive: What a file keeps, from ``Solution.archive()`` or read back.
    """
    drawn = {name: _sheet(archive, name) for name in archive.fields if name in archive.values}
    found = {name: figure for name, figure in drawn.items() if figure is not None}
    past = history(archive)
    if past is not None:
        found["history" if "history" not in found else "history_"] = past
    return found


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _sheet(archive: Archive, name: str) -> Figure | None:
    kind, seconds = archive.settings.get("kind"), sound_seconds(archive)
    if kind == "picture" and set(archive.coordinates) == {"x", "y"} and archive.fields[name] in {(), (1,), (3,)}:
        return picture_sheet(archive, name)
    if kind == "sound" and seconds is not None and archive.fields[name] in {(), (1,)}:
        return sound_sheet(archive, name, seconds)
    draw = {1: line_sheet, 2: plane_sheet, 3: solid_sheet}.get(len(archive.coordinates))
    return None if draw is None else draw(archive, name)


def history(archive: Archive) -> Figure | None:
    """Draw the loss and the term of each constraint over the steps; None where no step was recorded."""
    past = archive.history
    steps = past.get("step", np.empty(0))
    lines = {"loss": past["loss"]} if "loss" in past else {}
    terms = {name.removeprefix("term_"): row for name, row in past.items() if name.startswith("term_")}
    if not lines or not len(steps):
        return None
    if len(terms) > 1:
        lines |= terms
    figure, [[panel]] = new_sheet(f"{archive.title or archive.problem}: history", 1, 1, (6.4, 3.4))
    usable = {name: np.where(row > 0.0, row, np.nan) for name, row in lines.items()}
    logarithmic = any(np.isfinite(row).any() for row in usable.values())
    draw_lines(panel, steps, usable if logarithmic else lines, (INK, *_LINES))
    if len(steps) == 1:
        for drawn in panel.lines:
            drawn.set_marker("o")
        panel.margins(x=0.05)
    panel.set_yscale("log" if logarithmic else "linear")
    panel.set_xlabel("step", fontsize=9)
    panel.set_ylabel("loss and its terms" if len(lines) > 1 else "loss", fontsize=9)
    spent = f"{len(steps)} steps" + (f" in {past['seconds'][-1]:.3g} s" if "seconds" in past else "")
    head(
        panel,
        "loss" if len(lines) == 1 else "loss, and one term per constraint",
        f"{spent}, {archive.status.replace('_', ' ')}",
    )
    panel.tick_params(which="both", color=FAINT, labelsize=8)
    legend(figure, panel)
    return figure
