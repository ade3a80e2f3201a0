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
    "relative_l2": ("relative error", "{:.2e}"),
    "between_relative_l2": ("relative error between the points", "{:.2e}"),
    "max_error": ("largest error", "{:.2e}"),
    "gradient_relative_l2": ("relative error of the gradient", "{:.2e}"),
    "between_gradient_relative_l2": ("relative error of the gradient", "{:.2e}"),
}


def score_lines(archive: Archive, name: str) -> list[tuple[str, str]]:
    """Return what was measured of a field, in words."""
    return [
        (words, form.format(archive.verification[f"{name}_{end}"]))
        for end, (words, form) in SCORES.items()
        if f"{name}_{end}" in archive.verification
    ]


def shown(archive: Archive, name: str) -> np.ndarray:
    """Return values on the grid in float64, NaN outside the region."""
    values = np.asarray(archive.values[name], dtype=float)
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
    return values + np.nanmean(shown(archive, reference) - values, axis=axes, keepdims=True)


def title(archive: Archive, name: str) -> str:
    """Return the title of a field's sheet."""
    return f"{archive.title or archive.problem}: {name}"
