"""Regions cut to slabs of a coordinate: what is left, its measure, its normals, and that slabs leave nothing out."""

import itertools

import numpy as np
import pytest
import torch

import sirenpde as sp
from sirenpde.regions.slab import Slab, standing_at

BOX = sp.Box(x=(-1, 1), t=(0, 1))
ROD = sp.Ball(x=0, y=0, radius=1) * sp.Box(t=(0, 1))
HOLED = BOX - sp.Ball(x=0, t=0.5, radius=0.3)
SEEN = sp.Points([[0, 0.1], [0, 0.3], [1, 0.75]], names=("x", "t"), data={"seen": [1.0, 2.0, 3.0]})
REGIONS = {
    "a box": BOX,
    "a side": BOX.at(x=1),
    "two sides": BOX.at(x=1) | BOX.at(x=-1),
    "a boundary": BOX.boundary,
    "a product": ROD,
    "the mantle of a product": sp.Ball(x=0, y=0, radius=1).boundary * sp.Box(t=(0, 1)),
    "the boundary of a product": ROD.boundary,
    "a difference": HOLED,
    "an intersection": BOX & sp.Ball(x=0, t=0.5, radius=0.3),
    "the boundary of a difference": HOLED.boundary,
    "a part": BOX.where(lambda a: a.x < 0.5),
    "boxes that overlap": BOX | sp.Box(x=(0, 2), t=(0.2, 0.9)),
    "a disc": sp.Ball(x=0, t=0.5, radius=0.5),
}
EDGES = (0.0, 0.25, 0.5, 1.0)


def slabs():
    pairs = itertools.pairwise(EDGES)
    return [Slab("t", low, high, closed=low == EDGES[0]) for low, high in pairs]


@pytest.mark.parametrize("name", REGIONS)
def test_slabs_share_a_region_out(name):
    region = REGIONS[name]
    parts = [slab.of(region) for slab in slabs()]
    assert sum(part.measure for part in parts) == pytest.approx(region.measure, rel=0.02)
    for slab, part in zip(slabs(), parts, strict=True):
        points = part.sample(64)
        assert region.contains(points).all()
        times = points[:, region.names.index("t")]
        assert ((slab.low <= times) & (times <= slab.high)).all()
        assert part.has_normal == region.has_normal


@pytest.mark.parametrize("name", ["a side", "two sides", "a boundary", "the boundary of a product"])
def test_normals_stay_what_they_were(name):
    part = slabs()[1].of(REGIONS[name])
    sample = part.draw(32, torch.Generator().manual_seed(0))
    assert (sample.normal[:, part.names.index("t")] == 0).all()
    torch.testing.assert_close(sample.normal.square().sum(1), torch.ones(32, dtype=torch.float64))


def test_what_is_made_of_boxes_stays_exact():
    late = slabs()[2]
    assert late.of(BOX) == sp.Box(x=(-1, 1), t=(0.5, 1))
    assert repr(late.of(BOX.at(x=1))) == "Box(x=(-1, 1), t=(0.5, 1)).at(x=1)"
    assert repr(late.of(ROD)) == "Ball(x=0, y=0, radius=1) * Box(t=(0.5, 1))"


def test_the_start_is_in_the_first_slab_alone():
    for start in (BOX.at(t=0), ROD.at(t=0)):
        assert [slab.of(start) is not None for slab in slabs()] == [True, False, False]


def test_an_edge_between_two_slabs_belongs_to_the_earlier_one():
    assert [slab.of(BOX.at(t=0.25)) is not None for slab in slabs()] == [True, False, False]
    assert slabs()[0].of(BOX.at(t=0.25)).has_normal is False


def test_given_points_go_to_their_slabs_with_their_data():
    parts = [slab.of(SEEN) for slab in slabs()]
    seen = [part.take(torch.arange(part.size)).data["seen"].tolist() for part in parts]
    assert seen == [[1.0], [2.0], [3.0]]
    assert [part.measure for part in parts] == [1.0, 1.0, 1.0]


def test_a_region_that_does_not_reach_a_slab_has_no_part_in_it():
    assert slabs()[0].of(sp.Box(x=(0, 1), t=(0.25, 1))) is None
    assert slabs()[2].of(sp.Ball(x=0, t=0.25, radius=0.2)) is None


def test_the_ends_of_time_are_found_in_a_boundary():
    assert standing_at(BOX.boundary.bare, "t") == {0.0, 1.0}
    assert standing_at(ROD.boundary.bare, "t") == {0.0, 1.0}
    assert standing_at((BOX.at(x=1) | BOX.at(x=-1)).bare, "t") == set()
    assert standing_at(sp.Points(np.zeros((2, 2)), names=("x", "t"), data={"seen": [1, 2]}), "t") == set()
