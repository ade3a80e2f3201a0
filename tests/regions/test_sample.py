"""Whatever is done with a sample, everything that it knows per point stays with its point."""

import pytest
import torch

from sirenpde.regions.sample import Sample, arranged, joined


def numbered(first, last):
    """Points whose every value says which point it belongs to."""
    numbers = torch.arange(first, last, dtype=torch.float64)
    pair = torch.stack([numbers, -numbers], dim=1)
    return Sample(pair, 2 * pair, {"seen": 3 * numbers}, 4 * numbers, 5 * numbers)


def numbers_of(sample):
    """The numbers of the points, after a check that all values are those of these points."""
    numbers = sample.points[:, 0]
    expected = numbered(0, 10).pick(numbers.long())
    assert torch.equal(sample.points, expected.points)
    assert torch.equal(sample.normal, expected.normal)
    assert torch.equal(sample.data["seen"], expected.data["seen"])
    assert torch.equal(sample.shares, expected.shares)
    assert torch.equal(sample.emphasis, expected.emphasis)
    return numbers.long().tolist()


def test_parts_and_choices_keep_what_belongs_to_their_points():
    sample = numbered(0, 7)
    assert numbers_of(sample.part(2, 5)) == [2, 3, 4]
    assert numbers_of(sample.pick(torch.tensor([6, 1]))) == [6, 1]
    assert numbers_of(sample.pick(sample.points[:, 0] > 4)) == [5, 6]
    assert [numbers_of(piece) for piece in sample.pieces(3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_samples_that_are_joined_keep_what_belongs_to_their_points():
    assert numbers_of(joined([numbered(0, 2), numbered(5, 8)])) == [0, 1, 5, 6, 7]


def test_points_without_factors_count_once_beside_those_that_have_some():
    plain = Sample(torch.zeros(2, 1, dtype=torch.float64))
    weighed = Sample(torch.zeros(1, 1, dtype=torch.float64), shares=torch.tensor([3.0], dtype=torch.float64))
    assert joined([plain, weighed]).shares.tolist() == [1, 1, 3]
    assert joined([plain, weighed]).emphasis is None
    assert joined([plain, plain]).shares is None


def test_what_a_point_counts_in_training_is_its_share_times_its_emphasis():
    assert numbered(1, 4).weights.tolist() == [20, 80, 180]
    assert Sample(torch.zeros(2, 1)).weights.tolist() == [1, 1]


def test_another_type_is_that_of_all_values():
    single = numbered(0, 3).to(torch.device("cpu"), torch.float32)
    held = [single.points, single.normal, single.data["seen"], single.shares, single.emphasis]
    assert {values.dtype for values in held} == {torch.float32}


def test_other_columns_leave_the_factors():
    turned = arranged(numbered(0, 3), ("x", "y"), ("y", "x"))
    assert turned.points[:, 1].tolist() == [0, 1, 2]
    assert turned.shares.tolist() == [0, 4, 8]
    assert turned.emphasis.tolist() == [0, 5, 10]


@pytest.mark.parametrize("factor", ["shares", "emphasis"])
def test_a_plain_sample_has_no_factors(factor):
    assert getattr(Sample(torch.zeros(2, 1)).part(0, 1), factor) is None
