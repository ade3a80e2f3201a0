"""How a run ended, and its record."""

import numpy as np
import pytest

import sirenpde as sp
from sirenpde.training.status import History


def test_the_five_ends_are_text_and_each_says_something_of_its_own():
    names = {"converged", "budget_spent", "stalled", "diverged", "interrupted"}
    assert {str(status) for status in sp.Status} == names
    messages = {status.message for status in sp.Status}
    assert len(messages) == 5
    assert all(message.endswith(".") for message in messages)


@pytest.mark.parametrize(("status", "advice"), [("diverged", "Lower the learning rate"), ("budget_spent", "Give more")])
def test_a_bad_end_says_what_to_do(status, advice):
    assert advice in sp.Status(status).message


def record():
    history = History(("equation", "walls"))
    history.record(3.0, [1.0, 2.0], 0.25)
    history.record(1.5, [1.0, 0.5], 0.75)
    return history


def test_a_record_is_one_row_per_step():
    arrays = record().arrays()
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "step": [1, 2],
        "seconds": [0.25, 0.75],
        "loss": [3.0, 1.5],
        "term_equation": [1, 1],
        "term_walls": [2, 0.5],
    }
    assert {array.dtype for array in arrays.values()} == {np.dtype(float)}
    assert len(record()) == 2


def test_a_record_comes_back_from_its_arrays():
    assert History.from_arrays(record().arrays()) == record()


def test_an_empty_record_comes_back_too():
    empty = History(("equation", "walls"))
    assert History.from_arrays(empty.arrays()) == empty


def test_what_is_recorded_is_kept_when_the_caller_changes_its_list():
    history, terms = History(("one",)), [1.0]
    history.record(1.0, terms, 0.0)
    terms[0] = 9.0
    assert history.terms == [(1.0,)]


def test_a_record_goes_on_with_another_in_its_own_units():
    whole, later = History(("a", "b")), History(("a", "b"))
    whole.record(4.0, [3.0, 1.0], 1.0)
    later.record(8.0, [6.0, 2.0], 0.5)
    whole.extend(later, factor=0.25, seconds=2.0)
    assert (whole.loss, whole.seconds, whole.terms) == ([4.0, 2.0], [1.0, 2.5], [(3.0, 1.0), (1.5, 0.5)])
