"""The sheet of a picture: target, fit and error, and the slope and the curvature of the fit."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sirenpde.solution.archive import Archive
from sirenpde.solution.display import fitted, score_lines, shown, title
from sirenpde.solution.panels import (
    DIVERGING,
    FAINT,
    GREY,
    INK,
    SLOPE,
    Frame,
    Map,
    draw_map,
    hide_inner_labels,
    limits_of,
    new_sheet,
    plain,
    spread,
)


def picture_sheet(archive: Archive, name: str) -> Figure:
    """Draw a picture: target, fit and error, and the slope and the curvature of the fit."""
    frame = Frame(("x", archive.axes["x"]), ("y", archive.axes["y"]), equal=True)
    maps = _picture_maps(archive, name)
    columns = 3 if len(maps) > 2 else len(maps)
    rows = -(-len(maps) // columns)
    figure, panels = new_sheet(title(archive, name), rows, columns, (3.7, 2.75 * frame.ratio + 0.55))
    flat = [panel for row in panels for panel in row]
    for panel, drawn in zip(flat, maps, strict=False):
        draw_map(panel, drawn, frame)
    hide_inner_labels(panels)
    for panel in flat[len(maps) :]:
        _write_scores(panel, score_lines(archive, name))
    return figure


def _picture_maps(archive: Archive, name: str) -> list[Map]:
    fit = fitted(archive, name)
    reference = shown(archive, f"{name}_reference") if f"{name}_reference" in archive.values else None
    limits = _brightness(fit if reference is None else reference)
    maps = [] if reference is None else [_brightness_map("target", reference, limits)]
    decibels = archive.verification.get(f"{name}_psnr")
    maps.append(_brightness_map("fit", fit, limits, "" if decibels is None else f"PSNR {decibels:.1f} dB"))
    if f"{name}_error" in archive.values:
        maps.append(_error_map(shown(archive, f"{name}_error")))
    if f"{name}_gradient_norm" in archive.values:
        slope = shown(archive, f"{name}_gradient_norm")
        maps.append(Map("gradient of the fit, magnitude", slope, SLOPE, (0.0, spread(slope, 99.5))))
    if f"{name}_laplacian" in archive.values:
        bend = shown(archive, f"{name}_laplacian")
        colourful = bend.ndim == 3
        bend = bend.mean(axis=-1) if colourful else bend
        top = spread(bend, 99.0)
        words = "Laplacian, mean of the channels" if colourful else "Laplacian of the fit"
        maps.append(Map(words, bend, DIVERGING, (-top, top)))
    return maps


def _brightness(values: np.ndarray) -> tuple[float, float]:
    """Return what is black and what is white: -1 and 1, unless the values go further or are darker than that."""
    low, high = limits_of(values, percent=0.5)
    return (-1.0, 1.0) if -1.0 <= low < 0.0 and high <= 1.0 else (low, high)


def _brightness_map(title: str, values: np.ndarray, limits: tuple[float, float], note: str = "") -> Map:
    if values.ndim == 2:
        return Map(title, values, GREY, limits, note, bar=False)
    share = (values - limits[0]) / (limits[1] - limits[0])
    blank = np.isnan(share)
    return Map(title, np.where(blank, 1.0, np.clip(share, 0.0, 1.0)), note=note, bar=False)


def _error_map(error: np.ndarray) -> Map:
    if error.ndim == 3:
        size = np.sqrt(np.mean(error**2, axis=-1))
        return Map("error, r.m.s. of the channels", size, SLOPE, (0.0, spread(size, 99.9)))
    top = spread(error, 99.9)
    return Map("error, fit minus target", error, DIVERGING, (-top, top), f"at most {spread(error):.2g}")


def _write_scores(panel: Axes, lines: list[tuple[str, str]]) -> None:
    panel.set_axis_off()
    for row, (words, number) in enumerate(lines):
        height = 0.94 - 0.13 * row
        panel.text(0.0, height, plain(words), fontsize=8.5, color=FAINT, transform=panel.transAxes, va="top")
        panel.text(1.0, height, plain(number), fontsize=9, color=INK, transform=panel.transAxes, va="top", ha="right")
