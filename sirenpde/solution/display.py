"""What the sheets of a solution have in common: its values as they are shown, and its scores in words."""

from __future__ import annotations

import numpy as np

from sirenpde.solution.archive import Archive

#: The scores of a field in words: the end of the name → what it says, and its format.
SCORES = {
    "psnr": ("PSNR at the pixels", "{:.2f} dB"),
    "between_psnr": ("PSNR between the pixels", "{:.2f} dB"),
    "snr": ("SNR at the samples", "{:.2f} dB"),
    "between_snr": ("SNR between the samples", "{:.2f} dB"),
    "relative_l2": ("relative error", "{:.3g}"),
    "between_relative_l2": ("relative error between the points", "{:.3g}"),
    "max_error": ("largest error", "{:.3g}"),
    "gradient_relative_l2": ("relative error of the gradient", "{:.3g}"),
    "between_gradient_relative_l2": ("relative error of the gradient", "{:.3g}"),
}

#: Beyond this share of the error of a constant, a fit is called no better than one.
_NULL = 0.95


def score_lines(archive: Archive, name: str) -> list[tuple[str, str]]:
    """Return what was measured of a field, in words."""
    return [
        (words, form.format(archive.verification[f"{name}_{end}"]))
        for end, (words, form) in SCORES.items()
        if f"{name}_{end}" in archive.verification
    ]


def no_better_than_null(archive: Archive) -> list[str]:
    """Return a sentence for each field that is no closer to its reference than zero is, or than any constant.

    A constant is the measure where the field is known up to one.
    """
    sentences = []
    for name in archive.fields:
        if not {f"{name}_reference", f"{name}_error"} <= set(archive.values):
            continue
        free = name in archive.settings.get("known_up_to_a_constant", ())
        reference, error = shown(archive, f"{name}_reference"), shown(archive, f"{name}_error")
        constant = np.nanmean(reference, axis=tuple(range(len(archive.grid_shape)))) if free else 0.0
        if np.nanmean(error**2) >= _NULL**2 * np.nanmean((reference - constant) ** 2):
            what = "a constant" if free else "a constant zero"
            sentences.append(f"{name} is no better than {what}; give more steps, or another recipe.")
    return sentences


def shown(archive: Archive, name: str) -> np.ndarray:
    """Return values on the grid in float64, NaN outside the region; a single component stands without its axis."""
    values = np.asarray(archive.values[name], dtype=float)
    if values.ndim > len(archive.grid_shape) and values.shape[-1] == 1:
        values = values[..., 0]
    if archive.inside is None:
        return values
    inside = archive.inside.reshape(*archive.inside.shape, *(1,) * (values.ndim - archive.inside.ndim))
    return np.where(inside, values, np.nan)


def fitted(archive: Archive, name: str) -> np.ndarray:
    """Return a field; one that is known up to a constant is shifted to the mean of its reference."""
    values = shown(archive, name)
    reference = f"{name}_reference"
    if name not in archive.settings.get("known_up_to_a_constant", ()) or reference not in archive.values:
        return values
    axes = tuple(range(len(archive.grid_shape)))
    shifted: np.ndarray = values + np.nanmean(shown(archive, reference) - values, axis=axes, keepdims=True)
    return shifted


def title(archive: Archive, name: str) -> str:
    """Return the title of a field's sheet."""
    return f"{archive.title or archive.problem}: {name}"
