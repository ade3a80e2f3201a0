"""Fit a sound (Sitzmann et al. 2020, Sec. 3.1 and supplement 5).

Find Φ: [-1, 1] → R that minimises

    L(Φ) = ∫ |Φ(t) − f(t)|² dt,

where f is the sound, several seconds at 44.1 kHz, divided by its peak.

Measured on two CPU cores by tests/benchmarks/signals.py: 39.9 dB at the samples and between them, in 16 s, for the
synthesised piece.
"""

import numpy as np

import sirenpde as sp

RECIPE = {}


def melody(rate: int = 44100) -> np.ndarray:
    """Return a short piece of plucked strings: decaying harmonics, a few seconds long."""
    notes = [(220.0, 0.0), (277.2, 0.5), (329.6, 1.0), (440.0, 1.5), (329.6, 2.0), (277.2, 2.5), (220.0, 3.0)]
    time = np.arange(4 * rate) / rate
    sound = np.zeros_like(time)
    for pitch, start in notes:
        since = np.clip(time - start, 0.0, None)
        envelope = (1.0 - np.exp(-since / 0.005)) * np.exp(-since / 0.6)
        for harmonic in range(1, 7):
            sound += envelope**harmonic * np.sin(2 * np.pi * harmonic * pitch * since) / harmonic**1.5
    return sound


def build(path: str = "") -> sp.Problem:
    """State the problem for a ``.wav`` file of the user's, or for a synthesised piece."""
    sound = sp.Waveform.from_wav(path) if path else sp.Waveform.from_samples(melody(), 44100)

    def matches(a, phi):
        return phi.u - a.f

    return sp.Problem(
        name="fit_audio",
        fields="u",
        given={"f": sound},
        constraints=[sp.Constraint("samples", on=sound.grid, residual=matches)],
        exact={"u": sound},
    )


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("fit_audio.h5")
