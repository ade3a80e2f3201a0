"""Limits shared out: evenly over what is left, and what one leaves goes to those after it."""

import pytest
from small import refused

import sirenpde as sp
from sirenpde.training.share import Share
from sirenpde.training.status import History


def spent(steps, seconds):
    return History(
        (), loss=[1.0] * steps, seconds=[seconds * (k + 1) / steps for k in range(steps)], terms=[()] * steps
    )


def test_what_one_window_leaves_goes_to_those_after_it():
    share = Share(10, 8.0, 3)
    assert share.of(3) == {"steps": 3, "max_seconds": pytest.approx(8 / 3)}
    share.spend(spent(2, 1.0))
    assert share.of(2) == {"steps": 4, "max_seconds": 3.5}
    share.spend(spent(4, 9.0))
    assert share.of(1) == {"steps": 4, "max_seconds": 1e-3}  # a step at least


def test_without_limits_there_are_none():
    share = Share(None, None, 2)
    share.spend(spent(100, 9.0))
    assert share.of(1) == {"steps": None, "max_seconds": None}


def test_fewer_steps_than_windows_are_refused():
    with refused(sp.UsageError, "steps=1 for 2 windows: every window needs some, so give at least steps=2."):
        Share(1, None, 2)
