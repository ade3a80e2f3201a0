"""The sheet of a sound: waveforms, error and spectra, over seconds and hertz."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import signal

from sirenpde.solution.archive import Archive
from sirenpde.solution.display import fitted, shown, title
from sirenpde.solution.panels import ERROR, FIT, TARGET, draw_lines, head, legend, new_sheet, spread

_ZOOM_SECONDS = 0.01


def sound_seconds(archive: Archive) -> np.ndarray | None:
    """Return the time of each sample in seconds, or None where the grid is not made of a sound's samples."""
    rate = archive.settings.get("rate")
    axis = archive.axes.get("t")
    if archive.coordinates != ("t",) or axis is None or isinstance(rate, bool) or not isinstance(rate, int) or rate < 1:
        return None
    count = len(axis)
    own = np.allclose(axis, (2 * np.arange(count) + 1) / count - 1, rtol=0.0, atol=0.5 / count)
    return (np.arange(count) + 0.5) / rate if own else None


def sound_sheet(archive: Archive, name: str, seconds: np.ndarray) -> Figure:
    """Draw a sound: the waveform, whole and near its loudest place, the error, and the spectra."""
    fit = fitted(archive, name)
    target = shown(archive, f"{name}_reference") if f"{name}_reference" in archive.values else None
    lines = {"fit": fit} if target is None else {"target": target, "fit": fit}
    colours = (FIT,) if target is None else (TARGET, FIT)
    error = shown(archive, f"{name}_error") if f"{name}_error" in archive.values else None
    figure, panels = new_sheet(title(archive, name), 2, 2, (5.2, 2.6))
    (whole, near), (wrong, pitch) = panels
    decibels = archive.verification.get(f"{name}_snr")
    _wave(whole, seconds, lines, colours)
    head(whole, "waveform", "" if decibels is None else f"SNR {decibels:.1f} dB")
    part = _loudest(fit if target is None else target, 1.0 / (seconds[-1] / (len(seconds) - 0.5)))
    _wave(near, seconds[part], {key: values[part] for key, values in lines.items()}, colours)
    head(near, "around its loudest place", f"{1e3 * np.ptp(seconds[part]):.0f} ms")
    if error is None:
        wrong.set_axis_off()
    else:
        _wave(wrong, seconds, {"error": error}, (ERROR,))
        head(wrong, "error, fit minus target", f"at most {spread(error):.2g}")
        lines, colours = {**lines, "error": error}, (*colours, ERROR)
    _spectra(pitch, lines, float(archive.settings["rate"]), colours)
    legend(figure, pitch)
    return figure


def _wave(panel: Axes, seconds: np.ndarray, lines: Mapping[str, np.ndarray], colours: tuple[str, ...]) -> None:
    draw_lines(panel, seconds, lines, colours)
    panel.set_xlabel("time in s", fontsize=9)
    panel.set_ylabel("pressure over its peak", fontsize=9)


def _loudest(values: np.ndarray, rate: float) -> slice:
    """Return about 10 ms around the largest magnitude."""
    half = max(int(rate * _ZOOM_SECONDS / 2), 20)
    middle = int(np.argmax(np.abs(np.nan_to_num(values))))
    start = max(0, min(middle - half, len(values) - 2 * half))
    return slice(start, start + 2 * half)


def _spectra(panel: Axes, lines: Mapping[str, np.ndarray], rate: float, colours: tuple[str, ...]) -> None:
    """Draw how loud each frequency is, in decibels below the loudest of the first line."""
    window = min(2048, len(next(iter(lines.values()))))
    levels, top, frequencies = {}, 0.0, np.zeros(1)
    for key, values in lines.items():
        frequencies, power = signal.welch(np.nan_to_num(values), fs=rate, nperseg=window)
        top = top or float(power.max()) or 1.0
        levels[key] = 10.0 * np.log10(np.maximum(power / top, 1e-12))
    draw_lines(panel, frequencies, levels, colours)
    panel.set_xlim(0.0, rate / 2)
    panel.set_xlabel("frequency in Hz, up to half the rate", fontsize=9)
    panel.set_ylabel("level in dB", fontsize=9)
    head(panel, "spectrum", "0 dB: the loudest frequency")
