"""Sounds as functions of t: where their samples are, and derivatives in domain units."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sirenpde.errors import DataError
from sirenpde.regions.grid import Grid
from sirenpde.statement.media import encode_sound
from sirenpde.statement.waveform import Waveform

BACH = Path(__file__).parents[3] / "shared" / "data" / "gt_bach.wav"


def test_samples_are_divided_by_the_peak_and_sit_at_the_centres_of_their_cells():
    sound = Waveform.from_samples(np.array([0.5, -2.0, 1.0, 0.0]), rate=8000)
    np.testing.assert_array_equal(sound.values, [0.25, -1.0, 0.5, 0.0])
    assert (sound.peak, sound.rate, sound.names, sound.trailing) == (2.0, 8000, ("t",), ())
    np.testing.assert_allclose(sound.grid.points[:, 0], [-0.75, -0.25, 0.25, 0.75])
    assert sound.grid.bounds == {"t": (-1.0, 1.0)}
    assert sound.grid.measure == 2.0


def test_a_waveform_takes_its_values_at_its_samples(rng):
    sound = Waveform.from_samples(rng.normal(size=300), rate=100)
    np.testing.assert_allclose(sound(torch.tensor(sound.grid.points)), sound.values, rtol=0, atol=1e-12)


def test_integers_are_samples_too():
    assert Waveform.from_samples(np.array([100, -200], dtype=np.int16), rate=8).peak == 200.0
    assert Waveform.from_samples(np.array([-32768], dtype=np.int16), rate=8).peak == 32768.0


def test_derivatives_are_those_of_the_function_that_was_sampled():
    count = 2000
    t = (np.arange(count) + 0.5) * 2 / count - 1
    sound = Waveform.from_samples(4 * np.sin(20 * t), rate=1000)
    scale = 4 / sound.peak
    # With 20 h = 0.02, the spline's first derivative is good to 0.02⁴/180 of 20 inside and to 0.02³ of it at the ends;
    # its second to 0.02²/12 of 400 inside and to 0.02² of it at the ends.
    np.testing.assert_allclose(sound.gradient().values, scale * 20 * np.cos(20 * t), rtol=0, atol=1.6e-4)
    np.testing.assert_allclose(sound.gradient().values[19:-19], scale * 20 * np.cos(20 * t)[19:-19], rtol=0, atol=2e-8)
    np.testing.assert_allclose(sound.laplacian().values, -scale * 400 * np.sin(20 * t), rtol=0, atol=0.16)
    np.testing.assert_allclose(sound.laplacian().values[9:-9], -scale * 400 * np.sin(20 * t)[9:-9], rtol=0, atol=0.0134)
    assert sound.gradient().peak == sound.peak


def test_derivatives_at_the_samples_are_what_autograd_finds(rng):
    sound = Waveform.from_samples(rng.normal(size=40), rate=10)
    points = torch.tensor(sound.grid.points, requires_grad=True)
    (first,) = torch.autograd.grad(sound(points).sum(), points)
    np.testing.assert_allclose(sound.gradient().values, first[:, 0], rtol=0, atol=1e-10)


def test_a_written_sound_comes_back(tmp_path, rng):
    samples = rng.uniform(-0.9, 0.9, 1000)
    (tmp_path / "noise.wav").write_bytes(encode_sound(samples, 22050))
    sound = Waveform.from_wav(tmp_path / "noise.wav")
    assert sound.rate == 22050
    np.testing.assert_allclose(sound.values * sound.peak, samples, rtol=0, atol=0.5001 / 32768)


def test_a_silent_sound_is_refused(tmp_path):
    (tmp_path / "silence.wav").write_bytes(encode_sound(np.zeros(50), 8000))
    with pytest.raises(DataError) as refusal:
        Waveform.from_wav(tmp_path / "silence.wav")
    assert str(refusal.value) == (
        f'sound "{tmp_path / "silence.wav"}" is zero in all of its 50 samples, so it has no peak. '
        "Choose a part with sound in it."
    )


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros((4, 2)), r"have shape \(4, 2\) and type float64; expected real numbers of shape \(n,\)"),
        (np.zeros(0), r"have shape \(0,\)"),
        (np.ones(3, dtype=complex), "type complex128"),
        (np.array(["a"]), "type <U1"),
        (np.array([0.0, np.inf]), r"the value inf at sample 1; expected finite numbers"),
        (np.zeros(9), "the sound is zero in all of its 9 samples"),
    ],
    ids=["two channels", "empty", "complex", "text", "infinite", "silent"],
)
def test_samples_that_are_no_sound_are_refused(samples, said):
    with pytest.raises(DataError, match=said):
        Waveform.from_samples(samples, rate=8000)


@pytest.mark.parametrize("rate", [0, -1, 768_001, 44100.0, True, "44100"], ids=repr)
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(DataError, match=r"the sound has the rate .*; expected an integer from 1 to 768000 samples"):
        Waveform.from_samples(np.ones(3), rate=rate)


def test_values_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Waveform.from_samples(np.ones(3), rate=8).values[0] = 0


def test_denormal_and_huge_samples_are_divided_by_their_peak_like_others():
    for unit in (5e-324, 1e308):
        np.testing.assert_array_equal(Waveform.from_samples(unit * np.array([1.0, 0.0]), rate=8).values, [1.0, 0.0])


@pytest.mark.skipif(not BACH.exists(), reason=f"the recording {BACH.name} is not there")
def test_the_recording_of_the_paper_has_its_published_mean_square():
    sound = Waveform.from_wav(BACH)
    assert (sound.values.shape, sound.rate) == ((308_207,), 44_100)
    assert np.mean(sound.values**2) == pytest.approx(0.024203, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "grid", "rate", "said"),
    [
        (np.array([1.0, np.nan]), Grid(("t",), (0.0,), (1.0,), (2,)), 8000, "expected finite numbers"),
        (np.zeros((2, 2)), Grid(("x", "y"), (0.0, 0.0), (1.0, 1.0), (2, 2)), 8000, "over one coordinate"),
        (np.zeros(2), Grid(("t",), (0.0,), (1.0,), (2,)), -5, "has the rate -5"),
    ],
    ids=["not a number", "a plane", "rate"],
)
def test_a_waveform_made_by_hand_is_checked_too(values, grid, rate, said):
    with pytest.raises(DataError, match=said):
        Waveform(values, grid, rate, 1.0)
