"""The sheets of a field over one, two or three coordinates: fit, reference and error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from sirenpde.solution.archive import Archive
from sirenpde.solution.display import fitted, shown, title
from sirenpde.solution.panels import (
    DIVERGING,
    ERROR,
    FIT,
    SEQUENTIAL,
    TARGET,
    Frame,
    Map,
    draw_lines,
    draw_map,
    head,
    hide_inner_labels,
    legend,
    limits_of,
    new_sheet,
    plain,
    spread,
)

_MOST_COMPONENTS = 4


def line_sheet(archive: Archive, name: str) -> Figure:
    """Draw a field over one coordinate: a row per component, the error beside it."""
    axis = archive.coordinates[0]
    parts = _parts(archive, name)
    wrong = f"{name}_error" in archive.values
    figure, panels = new_sheet(title(archive, name), len(parts), 1 + wrong, (5.0, 2.9))
    for row, (label, found) in zip(panels, parts.items(), strict=True):
        lines: dict[str, np.ndarray] = {key: found[key] for key in ("reference", "fit") if key in found}
        draw_lines(row[0], archive.axes[axis], lines, (TARGET, FIT) if len(lines) > 1 else (FIT,))
        head(row[0], label + " and ".join(reversed(lines)), _relative(archive, name))
        if wrong:
            draw_lines(row[1], archive.axes[axis], {"error": found["error"]}, (ERROR,))
            head(row[1], f"{label}error, fit minus reference", f"at most {spread(found['error']):.2g}")
        for panel in row:
            panel.set_xlabel(plain(_label(archive, axis)), fontsize=9)
    legend(figure, panels[0][0])
    return figure


def plane_sheet(archive: Archive, name: str) -> Figure:
    """Draw a field over two coordinates: a row per component, with fit, reference and error; t lies horizontally."""
    names = archive.coordinates
    across, up = (names[1], names[0]) if names[1] == "t" else names
    return _maps(archive, name, [("", across, up, {})], down=False)


def solid_sheet(archive: Archive, name: str) -> Figure:
    """Draw a field over three coordinates: at three times, or at the middle of each coordinate."""
    names = archive.coordinates
    if "t" in names:
        across, up = (each for each in names if each != "t")
        last = len(archive.axes["t"]) - 1
        cuts = [(_place(archive, "t", step), across, up, {"t": step}) for step in dict.fromkeys((0, last // 2, last))]
        return _maps(archive, name, cuts, down=True)
    cuts = []
    for still in reversed(names):
        across, up = (each for each in names if each != still)
        middle = len(archive.axes[still]) // 2
        cuts.append((_place(archive, still, middle), across, up, {still: middle}))
    return _maps(archive, name, cuts, down=True)


Cut = tuple[str, str, str, dict[str, int]]


def _maps(archive: Archive, name: str, cuts: list[Cut], *, down: bool) -> Figure:
    """Draw fit, reference and error of every component at every cut; ``down`` puts the three below each other."""
    parts = _parts(archive, name)
    kinds = list(next(iter(parts.values())))
    shape = (len(parts) * len(kinds), len(cuts)) if down else (len(parts), len(kinds))
    frames = [_frame(archive, across, up) for _, across, up, _ in cuts]
    height = 2.9 * max(frame.ratio for frame in frames) + 0.55
    figure, panels = new_sheet(title(archive, name), *shape, (3.9, height))
    flat = iter([panel for row in panels for panel in row])
    for label, found in parts.items():
        for kind, values in found.items():
            for cut, frame in zip(cuts, frames, strict=True):
                drawn = _field_map(kind, _section(archive, values, cut), found)
                remark = "" if down else _remark(archive, name, kind, values)
                header = ", ".join(filter(None, (f"{label}{kind}", cut[0])))
                draw_map(next(flat), replace(drawn, title=header, note=remark), frame)
    if len({(frame.horizontal[0], frame.vertical[0]) for frame in frames}) == 1:
        hide_inner_labels(panels)
    return figure


def _field_map(kind: str, values: np.ndarray, found: Mapping[str, np.ndarray]) -> Map:
    """Return a map of one section, with the limits of the whole."""
    if kind == "error":
        top = spread(found["error"])
        return Map("", values, DIVERGING, (-top, top))
    return Map("", values, SEQUENTIAL, limits_of(*(found[key] for key in ("reference", "fit") if key in found)))


def _remark(archive: Archive, name: str, kind: str, values: np.ndarray) -> str:
    if kind == "error":
        return f"at most {spread(values):.2g}"
    return _relative(archive, name) if kind == "fit" else ""


def _parts(archive: Archive, name: str) -> dict[str, dict[str, np.ndarray]]:
    """Return per component what there is of fit, reference and error."""
    kinds = {"fit": fitted(archive, name)}
    for kind in ("reference", "error"):
        if f"{name}_{kind}" in archive.values:
            kinds[kind] = shown(archive, f"{name}_{kind}")
    count = kinds["fit"].shape[-1] if kinds["fit"].ndim > len(archive.grid_shape) else 0
    if not count:
        return {"": kinds}
    return {
        f"component {index + 1} of {count}: ": {kind: values[..., index] for kind, values in kinds.items()}
        for index in range(min(count, _MOST_COMPONENTS))
    }


def _frame(archive: Archive, across: str, up: str) -> Frame:
    first, second = archive.axes[across], archive.axes[up]
    long, short = sorted((np.ptp(first), np.ptp(second)), reverse=True)
    equal = "t" not in {across, up} and long <= 2 * short
    return Frame((_label(archive, across), first), (_label(archive, up), second), equal=bool(equal))


def _section(archive: Archive, values: np.ndarray, cut: Cut) -> np.ndarray:
    """Return a plane of values, its second axis to the right."""
    _, across, up, at = cut
    plane_values = values[tuple(at.get(name, slice(None)) for name in archive.order)]
    rest = [name for name in archive.order if name not in at]
    return plane_values if rest == [up, across] else plane_values.T


def _place(archive: Archive, name: str, index: int) -> str:
    return f"{name} = {archive.axes[name][index]:.3g}"


def _label(archive: Archive, name: str) -> str:
    unit = archive.units.get(name)
    return f"{name} in {unit}" if unit else name


def _relative(archive: Archive, name: str) -> str:
    error = archive.verification.get(f"{name}_relative_l2")
    return "" if error is None else f"relative error {error:.2g}"
