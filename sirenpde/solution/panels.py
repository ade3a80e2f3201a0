"""The parts that pictures are made of: sheets, maps with colour bars, lines; matplotlib's objects, no global state.

Names and titles come from files too, so every text passes ``plain``: none of it is read as mathematics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

INK, FAINT, FIT, TARGET, ERROR = "#222222", "#777777", "#1f5f99", "#c8741a", "#a8322a"
SEQUENTIAL, DIVERGING, SLOPE, GREY = "viridis", "RdBu_r", "magma", "gray"

#: Lines of more samples are drawn as the least and the greatest value of this many stretches.
STRETCHES = 3000

_LONGEST_TEXT = 90


@dataclass(frozen=True)
class Map:
    """One panel of colours.

    Attributes:
        title: What is shown.
        values: Shape ``(h, w)``, or ``(h, w, 3)`` for colours in [0, 1]; row 0 at the bottom.
        colours: The name of the colour map.
        limits: The values of its ends.
        note: A short remark to the right of the title.
        bar: Whether to draw the scale.
    """

    title: str
    values: np.ndarray
    colours: str = SEQUENTIAL
    limits: tuple[float, float] = (0.0, 1.0)
    note: str = ""
    bar: bool = True


@dataclass(frozen=True)
class Frame:
    """The two axes of a map.

    Attributes:
        horizontal: Name and points of the axis to the right.
        vertical: Name and points of the axis upwards.
        equal: Whether both have one scale.
    """

    horizontal: tuple[str, np.ndarray]
    vertical: tuple[str, np.ndarray]
    equal: bool

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """The outer edges of the outer cells: left, right, bottom, top."""
        return (*_edges(self.horizontal[1]), *_edges(self.vertical[1]))

    @property
    def ratio(self) -> float:
        """Height over width, as drawn."""
        left, right, bottom, top = self.extent
        return min(max((top - bottom) / (right - left), 0.3), 2.0) if self.equal else 0.75


def _edges(axis: np.ndarray) -> tuple[float, float]:
    half = (axis[-1] - axis[0]) / (len(axis) - 1) / 2 if len(axis) > 1 else 0.5
    return float(axis[0] - half), float(axis[-1] + half)


def plain(text: str) -> str:
    """Return a text as it is drawn: one line, not too long, and no mathematics."""
    visible = "".join(letter if letter.isprintable() else " " for letter in text)
    short = visible if len(visible) <= _LONGEST_TEXT else visible[: _LONGEST_TEXT - 1] + "…"
    return short.replace("$", r"\$")


def new_sheet(title: str, rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[list[Axes]]]:
    """Return an empty sheet and its panels, row by row; ``size`` is that of one panel in inches."""
    figure = Figure(figsize=(columns * size[0], rows * size[1] + 0.45), dpi=150, layout="constrained")
    figure.suptitle(plain(title), fontsize=12, color=INK, x=0.01, ha="left")
    panels = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in panels]


def head(panel: Axes, title: str, note: str = "") -> None:
    """Write a panel's title to the left, and a remark to the right."""
    panel.set_title(plain(title), fontsize=9.5, loc="left", color=INK)
    panel.set_title(plain(note), fontsize=8, loc="right", color=FAINT)
    panel.tick_params(labelsize=8, color=FAINT, labelcolor=INK)


def draw_map(panel: Axes, drawn: Map, frame: Frame) -> None:
    """Draw a map, with its scale beside it; NaN is left blank."""
    low, high = drawn.limits
    image = panel.imshow(
        drawn.values,
        origin="lower",
        extent=frame.extent,
        aspect="equal" if frame.equal else "auto",
        cmap=drawn.colours,
        vmin=low,
        vmax=high,
    )
    head(panel, drawn.title, drawn.note)
    panel.set_xlabel(plain(frame.horizontal[0]), fontsize=9)
    panel.set_ylabel(plain(frame.vertical[0]), fontsize=9)
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.yaxis.set_major_locator(MaxNLocator(5))
    if drawn.bar and drawn.values.ndim == 2:
        beside = panel.inset_axes((1.03, 0.0, 0.045, 1.0))
        form = ScalarFormatter(useMathText=True)
        form.set_powerlimits((-2, 3))
        bar = panel.figure.colorbar(image, cax=beside, format=form, ticks=MaxNLocator(5))
        bar.ax.tick_params(labelsize=8)
        bar.ax.yaxis.get_offset_text().set(fontsize=7, ha="left")


def draw_lines(panel: Axes, horizontal: np.ndarray, lines: Mapping[str, np.ndarray], colours: Sequence[str]) -> None:
    """Draw lines over a common axis; ``legend`` tells which is which."""
    for index, (name, values) in enumerate(lines.items()):
        place, shown = envelope(horizontal, values)
        over = len(lines) > 1 and index == len(lines) - 1
        panel.plot(place, shown, color=colours[index % len(colours)], label=plain(name), lw=0.9 if over else 1.2)
    panel.margins(x=0.0)
    panel.grid(visible=True, color="#e4e4e4", lw=0.6)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def legend(figure: Figure, panel: Axes) -> None:
    """Write, above the sheet, what the lines of a panel are, if there are several."""
    if len(panel.lines) > 1:
        columns = min(len(panel.lines), 4)
        figure.legend(handles=panel.lines, loc="outside upper right", fontsize=8, frameon=False, ncols=columns)


def hide_inner_labels(panels: Sequence[Sequence[Axes]]) -> None:
    """Leave the labels of the vertical axis to the first panel of each row: all have the same."""
    for row in panels:
        for panel in row[1:]:
            panel.set_ylabel("")
            panel.tick_params(labelleft=False)


def envelope(horizontal: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a line that looks the same with fewer samples: per stretch its least and its greatest value, in order.

    Example:
        >>> place, shown = envelope(np.arange(10**6), np.sin(np.arange(10**6)))
        >>> len(place) <= 2 * STRETCHES, bool(np.ptp(shown) > 1.99)
        (True, True)
    """
    values = np.where(np.isfinite(values), values, np.nan).astype(float)
    if len(values) <= 2 * STRETCHES:
        return horizontal, values
    each = -(-len(values) // STRETCHES)
    whole = len(values) // each * each
    rows = values[:whole].reshape(-1, each)
    starts = np.arange(len(rows)) * each
    low = np.where(np.isnan(rows), np.inf, rows).argmin(axis=1) + starts
    high = np.where(np.isnan(rows), -np.inf, rows).argmax(axis=1) + starts
    index = np.unique(np.concatenate([[0], low, high, np.arange(whole, len(values))]))
    return horizontal[index], values[index]


def spread(values: np.ndarray, percent: float = 100.0) -> float:
    """Return the magnitude below which that share of the finite values lies; 1 where all vanish."""
    finite = np.abs(values[np.isfinite(values)])
    size = float(np.percentile(finite, percent)) if finite.size else 0.0
    return size if size > 0.0 else 1.0


def limits_of(*arrays: np.ndarray, percent: float = 0.0) -> tuple[float, float]:
    """Return the common limits of arrays, their outermost percents left out; never of zero width."""
    finite = np.concatenate([array[np.isfinite(array)] for array in arrays])
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, [percent, 100.0 - percent])
    slack = 1e-12 * max(abs(low), abs(high), 1e-300)
    return (float(low), float(high)) if high - low > slack else (float(low) - 0.5, float(high) + 0.5)
