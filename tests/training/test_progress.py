"""The live display."""

import io

import pytest
from rich.console import Console

from sirenpde.training.progress import ProgressDisplay


def shown(*, terminal, asked=True, names=("equation", "walls")):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=160)
    with ProgressDisplay("heat", 10, names, shown=asked, console=console) as display:
        display.update(7, 0.125, [0.1, 0.025][: len(names)])
    return stream.getvalue()


def test_nothing_is_shown_where_there_is_no_terminal():
    assert shown(terminal=False) == ""


def test_nothing_is_shown_where_nothing_was_asked_for():
    assert shown(terminal=True, asked=False) == ""


@pytest.mark.parametrize("text", ["heat", "7/10", "loss 1.250e-01", "equation 1.00e-01", "walls 2.50e-02"])
def test_a_terminal_shows_the_step_and_the_loss_with_its_terms(text):
    assert text in shown(terminal=True)


def test_a_single_term_is_not_repeated():
    text = shown(terminal=True, names=("equation",))
    assert "loss 1.250e-01" in text
    assert "equation" not in text


def test_an_exception_ends_the_display_and_passes():
    stream = io.StringIO()
    with (
        pytest.raises(KeyboardInterrupt),
        ProgressDisplay("heat", 10, ["one"], shown=True, console=Console(file=stream, force_terminal=True)),
    ):
        raise KeyboardInterrupt
    assert stream.getvalue().rstrip("\n").endswith("\x1b[?25h")  # the cursor is shown again


def test_the_default_is_the_error_stream(capsys):
    with ProgressDisplay("heat", 10, ["one"], shown=True) as display:
        display.update(1, 1.0, [1.0])
    assert capsys.readouterr().out == ""


def test_a_second_network_counts_on_and_shows_the_loss_in_its_own_unit():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=200)
    with ProgressDisplay("heat", 10, ["one", "two"], shown=True, console=console) as display:
        display.resume(3, 0.5)
        display.update(4, 1e-3, [2e-3, 4e-3])
    assert all(text in stream.getvalue() for text in ("7/10", "loss 5.000e-04", "one 1.00e-03", "two 2.00e-03"))
