"""Pictures are drawn from archives alone, for every kind of problem, and none of them is blank."""

import io

import archives
import numpy as np
import pytest
from PIL import Image

from sirenpde.solution.archive import Archive
from sirenpde.solution.display import fitted, no_better_than_null, score_lines
from sirenpde.solution.figures import figures, history, png
from sirenpde.solution.panels import envelope, limits_of, plain, spread


def pixels(figure) -> np.ndarray:
    figure.set_dpi(60)  # the same picture, drawn faster
    with Image.open(io.BytesIO(png(figure))) as image:
        return np.asarray(image.convert("RGB"), dtype=float)


def titles(figure) -> list[str]:
    return [panel.get_title(loc="left") for panel in figure.axes if panel.get_title(loc="left")]


def picture(colour: bool = False, **changes) -> Archive:
    x, y = np.linspace(-0.9, 0.9, 10), np.linspace(-0.6, 0.6, 7)
    rows, columns = np.meshgrid(y, x, indexing="ij")
    target = np.sin(3 * columns) * np.cos(2 * rows)
    error = 0.05 * columns * rows
    values = {"u": target + error + 5.0, "u_reference": target, "u_error": error}
    if colour:
        values = {name: np.stack([array, 0.5 * array, -array], axis=-1) for name, array in values.items()}
    values |= {"u_gradient_norm": np.abs(columns), "u_laplacian": -values["u"]}
    parts = {
        "problem": "fit_image",
        "coordinates": ("x", "y"),
        "fields": {"u": (3,) if colour else ()},
        "axes": {"x": x, "y": y},
        "values": values,
        "settings": {"kind": "picture", "known_up_to_a_constant": ["u"]},
        "verification": {"u_psnr": 31.26, "u_between_psnr": 30.0, "residual_pixels": 0.1},
    }
    return Archive(**(parts | changes))


def sound(count: int = 4000, rate: int = 8000) -> Archive:
    axis = (2 * np.arange(count) + 1) / count - 1
    target = np.sin(2 * np.pi * 440 * np.arange(count) / rate)
    fit = target + 0.01
    return Archive(
        problem="fit_audio",
        coordinates=("t",),
        fields={"u": ()},
        axes={"t": axis},
        values={"u": fit.astype("f4"), "u_reference": target, "u_error": fit - target},
        settings={"kind": "sound", "rate": rate, "peak": 0.5},
        verification={"u_snr": 37.0},
    )


@pytest.mark.parametrize(
    ("kind", "region"),
    [
        ("grey", "ball"),
        ("line in time", "box"),
        ("plane in time", "moving"),
        ("flow in time", "box"),
        ("solid", "ball"),
        ("solid in time", "box"),
    ],
)
def test_every_kind_of_field_has_a_sheet_and_a_history(kind, region):
    found = figures(archives.make(kind, region=region))
    four = kind == "solid in time"
    assert list(found) == (["history"] if four else ["u", "history"])
    for figure in found.values():
        assert pixels(figure).std() > 5


@pytest.mark.parametrize("kind", ["sound", "line"])
def test_a_field_over_one_coordinate_is_a_line(kind):
    sheet = figures(archives.make(kind))["u"]
    assert titles(sheet) == ["fit", "error, fit minus reference"]
    assert pixels(sheet).std() > 5


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
def test_a_picture_shows_target_fit_error_and_derivatives(colour):
    sheet = figures(picture(colour))["u"]
    shown = titles(sheet)
    assert shown[:2] == ["target", "fit"]
    assert [title.split(",")[0].split(" of")[0] for title in shown[2:]] == ["error", "gradient", "Laplacian"]
    assert sheet.axes[1].get_title(loc="right") == "PSNR 31.3 dB"
    assert pixels(sheet).std() > 20


def test_a_picture_stands_upright_and_in_its_place():
    image = figures(picture())["u"].axes[0].images[0]
    assert image.origin == "lower"
    np.testing.assert_allclose(image.get_extent(), [-1.0, 1.0, -0.7, 0.7], atol=1e-12)


def test_what_is_known_up_to_a_constant_is_shifted_to_its_reference():
    archive = picture()
    np.testing.assert_allclose(fitted(archive, "u").mean(), archive.values["u_reference"].mean(), atol=1e-12)
    np.testing.assert_array_equal(fitted(picture(settings={"kind": "picture"}), "u"), archive.values["u"])


def test_a_picture_without_a_reference_shows_the_fit_alone():
    archive = picture(values={"u": picture().values["u_reference"]}, verification={})
    assert titles(figures(archive)["u"]) == ["fit"]


def test_the_scores_are_told_in_words():
    assert score_lines(picture(), "u") == [("PSNR at the pixels", "31.26 dB"), ("PSNR between the pixels", "30.00 dB")]


def test_a_sound_is_drawn_over_seconds_and_hertz():
    sheet = figures(sound())["u"]
    whole, near, error, spectrum = sheet.axes[:4]
    np.testing.assert_allclose(whole.get_xlim(), (0, 0.5), atol=1e-3)
    assert np.diff(near.get_xlim())[0] == pytest.approx(0.01, abs=5e-4)
    np.testing.assert_allclose(error.lines[0].get_ydata(), 0.01, atol=1e-12)
    assert spectrum.get_xlim() == (0.0, 4000.0)
    target = spectrum.lines[0]
    loudest = target.get_xdata()[np.argmax(target.get_ydata())]
    assert loudest == pytest.approx(440, abs=4)  # the width of a window's line
    assert pixels(sheet).std() > 5


def test_time_lies_horizontally():
    sheet = figures(archives.make("line in time"))["u"]
    assert sheet.axes[0].get_xlabel() == "t"
    assert sheet.axes[0].get_ylabel() == "x in m"
    archive = archives.make("line in time")
    np.testing.assert_array_equal(sheet.axes[0].images[0].get_array(), archive.values["u"].T)


def test_points_outside_the_region_stay_blank():
    archive = archives.make("plane in time", region="ball", values={"u": np.ones((6, 7, 9))})
    image = figures(archive)["u"].axes[0].images[0]
    np.testing.assert_array_equal(np.ma.getmaskarray(image.get_array()), ~archive.inside[0])


def test_history_has_a_line_per_term_and_bears_zeros_and_nan():
    steps = np.arange(1.0, 6.0)
    loss = np.array([1.0, 0.0, np.nan, np.inf, 1e-3])
    record = {"step": steps, "seconds": steps, "loss": loss, "term_a": loss, "term_b": np.zeros(5)}
    figure = history(archives.make("line", history=record))
    assert [line.get_label() for line in figure.axes[0].lines] == ["loss", "a", "b"]
    assert figure.axes[0].get_yscale() == "log"
    assert pixels(figure).std() > 5


@pytest.mark.parametrize("loss", [[0.0], [np.nan, np.nan], [5.0]])
def test_history_of_odd_runs(loss):
    record = {"step": np.arange(1.0, len(loss) + 1), "loss": np.array(loss)}
    assert pixels(history(archives.make("line", history=record))).std() > 0


def test_a_run_without_steps_has_no_history():
    assert history(archives.make("line", history={})) is None
    assert history(archives.make("line", history={"step": np.empty(0), "loss": np.empty(0)})) is None


@pytest.mark.parametrize("value", [np.nan, 0.0, 1.0, 1e300, -1e-300])
@pytest.mark.parametrize("kind", ["grey", "line"])
def test_constant_and_broken_fields_are_drawn(kind, value):
    archive = archives.make(kind)
    settings = {"kind": "picture" if kind == "grey" else "field"}
    values = {"u": np.full_like(archive.values["u"], value, dtype="f8"), "u_error": np.zeros(archive.grid_shape)}
    for figure in figures(archives.make(kind, values=values, settings=settings)).values():
        pixels(figure)


def test_titles_of_a_file_are_not_read_as_mathematics():
    hostile = r"$\frac{\input{x}$ $" + "\n" + "w" * 500
    archive = archives.make("line", title=hostile, units={"x": "$^{"}, status="$$_")
    assert all(pixels(figure).std() > 5 for figure in figures(archive).values())
    assert len(plain(hostile)) < 100


def test_the_same_archive_gives_the_same_bytes():
    first, second = (png(figures(archives.make("grey"))["u"]) for _ in range(2))
    assert first == second


def test_an_envelope_keeps_the_ends_and_the_spikes():
    values = np.zeros(100_001)
    values[[12_345, 77_777]] = 9.0, -9.0
    values[500:600] = np.nan
    place, shown = envelope(np.arange(100_001.0), values)
    assert len(place) < 7000
    assert (place[0], place[-1]) == (0, 100_000)
    assert (np.nanmin(shown), np.nanmax(shown)) == (-9.0, 9.0)
    assert (np.diff(place) > 0).all()


def test_limits_are_never_empty():
    assert limits_of(np.array([np.nan])) == (0.0, 1.0)
    low, high = limits_of(np.full(5, 3.0))
    assert low < 3.0 < high
    assert spread(np.zeros(4)) == 1.0


@pytest.mark.parametrize(
    ("free", "offset", "expected"),
    [
        pytest.param([], 0.0, ["u is no better than a constant zero; give more steps, or another recipe."], id="zero"),
        pytest.param(
            ["u"], 3.0, ["u is no better than a constant; give more steps, or another recipe."], id="constant"
        ),
        pytest.param([], 3.0, [], id="a constant is better than zero"),
    ],
)
def test_a_fit_no_better_than_a_constant_is_told(free, offset, expected):
    reference = offset + np.sin(np.linspace(0, 6, 9))
    fit = np.full(9, reference.mean() if offset else 0.0)
    archive = archives.make(
        "line",
        values={"u": fit, "u_reference": reference, "u_error": fit - reference},
        settings={"known_up_to_a_constant": free},
    )
    assert no_better_than_null(archive) == expected
