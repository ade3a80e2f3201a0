"""Which points each constraint is held to, and how many."""

import numpy as np
import pytest
import torch
from small import read_u, refused, stated

import sirenpde as sp
from sirenpde.training.collocation import Collocation, share_out

SQUARE = sp.Box(x=(-1, 1), y=(-1, 1))
PIXELS = sp.Grid(("x", "y"), (-0.9, 0.9), (0.2, -0.2), (10, 10))


def problem(**regions):
    arguments = {"points": None}
    return stated(
        constraints=[
            sp.Constraint(name, on=region, residual=read_u, **arguments | extra)
            for name, (region, extra) in (
                (name, each if isinstance(each, tuple) else (each, {})) for name, each in regions.items()
            )
        ]
    )


BOTH = problem(inside=SQUARE, walls=SQUARE.boundary)
GRID = problem(pixels=PIXELS)


class TestStreams:
    def test_every_step_has_fresh_points(self):
        stream = Collocation(BOTH, {"inside": 32, "walls": 8}, seed=0)
        first, second = stream.draw(), stream.draw()
        assert [len(sample) for sample in first] == [32, 8]
        assert not torch.equal(first[0].points, second[0].points)
        assert first[1].normal is not None

    def test_the_same_seed_gives_the_same_stream_and_another_another(self):
        def stream(seed):
            collocation = Collocation(BOTH, {"inside": 16, "walls": 8}, seed=seed)
            return [sample.points for _ in range(3) for sample in collocation.draw()]

        assert all(torch.equal(one, other) for one, other in zip(stream(1), stream(1)))
        assert not any(torch.equal(one, other) for one, other in zip(stream(1), stream(2)))

    def test_constraints_draw_from_streams_of_their_own(self):
        # Two constraints on one region see other points, and one more does not change the first.
        alone = Collocation(problem(one=SQUARE), {"one": 16}, seed=0).draw()
        both = Collocation(problem(one=SQUARE, other=SQUARE), {"one": 16, "other": 16}, seed=0).draw()
        assert torch.equal(alone[0].points, both[0].points)
        assert not torch.equal(both[0].points, both[1].points)

    def test_a_grid_that_fits_is_taken_whole_and_in_order(self):
        stream = Collocation(GRID, {"pixels": 100}, seed=0)
        for _ in range(2):
            np.testing.assert_array_equal(stream.draw()[0].points.numpy(), PIXELS.points)

    def test_parts_of_a_grid_go_through_all_points_before_any_comes_twice(self):
        stream = Collocation(GRID, {"pixels": 25}, seed=0)
        for _ in range(2):
            points = np.concatenate([stream.draw()[0].points.numpy() for _ in range(4)])
            assert len(np.unique(points.round(6), axis=0)) == 100

    def test_a_part_that_does_not_divide_the_grid_goes_on_into_the_next_round(self):
        stream = Collocation(GRID, {"pixels": 30}, seed=0)
        points = np.concatenate([stream.draw()[0].points.numpy() for _ in range(10)]).round(6)
        counts = np.unique(points, axis=0, return_counts=True)[1]
        assert (counts == 3).all()
        assert len(counts) == 100

    def test_rounds_are_shuffled(self):
        stream = Collocation(GRID, {"pixels": 50}, seed=0)
        first, _, second = (stream.draw()[0].points for _ in range(3))
        assert not torch.equal(first, second)
        assert not torch.equal(first, torch.from_numpy(PIXELS.points[:50]))


class TestShareOut:
    def test_a_total_is_shared_by_measure(self):
        # Area 4, boundary 8.
        assert share_out(BOTH, 1200) == {"inside": 400, "walls": 800}

    def test_no_constraint_gets_fewer_than_sixteen(self):
        tiny = problem(inside=SQUARE, spot=sp.Box(x=(0, 0.01), y=(0, 0.01)))
        assert share_out(tiny, 1000) == {"inside": 1000, "spot": 16}

    def test_a_constraint_keeps_its_own_number(self):
        own = problem(inside=SQUARE, walls=(SQUARE.boundary, {"points": 7}))
        assert share_out(own, 100) == {"inside": 100, "walls": 7}
        assert share_out(own, {"inside": 5}) == {"inside": 5, "walls": 7}

    def test_a_dictionary_is_taken_as_it_is(self):
        assert share_out(BOTH, {"walls": 3, "inside": 40}) == {"walls": 3, "inside": 40}

    def test_finite_regions_give_no_more_than_they_have(self):
        assert share_out(GRID, 5000) == {"pixels": 100}
        assert share_out(GRID, 60) == {"pixels": 60}

    @pytest.mark.parametrize("count", [0, -1, 2.5, True, 10**12])
    def test_a_number_that_is_none_is_refused(self, count):
        with refused(sp.UsageError, f"points={count!r}: expected a positive integer, such as 4096."):
            share_out(BOTH, count)
        with refused(sp.UsageError, f"points['walls']={count!r}: expected a positive integer, such as 4096."):
            share_out(BOTH, {"inside": 4, "walls": count})

    def test_an_unknown_constraint_is_refused_with_the_nearest(self):
        message = "points names 'wall'; the constraints of problem \"trial\" are inside, walls.\n  Did you mean walls?"
        with refused(sp.UsageError, message):
            share_out(BOTH, {"inside": 4, "wall": 4})

    def test_a_constraint_without_a_number_is_refused(self):
        message = (
            "points gives no number for constraint 'walls' of problem \"trial\". Give one for each, or one total for "
            "all."
        )
        with refused(sp.UsageError, message):
            share_out(BOTH, {"inside": 4})
