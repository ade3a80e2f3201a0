"""The wavenumber of what is known, where it can be written down."""

import math
import warnings

import numpy as np
import pytest
import torch
from small import poisson, read_u, stated

import sirenpde as sp
from sirenpde.training.bandwidth import bandwidth, residual_bandwidth
from sirenpde.training.loss import IntegralLoss

SQUARE = sp.Box(x=(-1, 1), y=(-1, 1))


def of(residual, on=SQUARE, **changes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SirenPDEWarning)  # an equation alone leaves a constant open
        return bandwidth(stated(constraints=[sp.Constraint("rule", on=on, residual=residual)], **changes))


@pytest.mark.parametrize("k", [1, 3, 8])
def test_a_sine_has_its_own_wavenumber(k):
    got = of(lambda a, phi: sp.laplacian(phi.u) - torch.sin(k * math.pi * a.x) * torch.sin(math.pi * a.y))
    assert got == pytest.approx(k * math.pi, rel=0.01)


def test_it_counts_in_units_of_the_whole_domain():
    # From 0 to 10 is from -1 to 1: sin 2x has wavenumber 10 there.
    box = sp.Box(x=(0, 10 * math.pi), t=(0, 1))
    assert of(lambda a, phi: phi.u - torch.sin(2 * a.x), on=box) == pytest.approx(10 * math.pi, rel=0.02)


def test_a_constant_source_has_none_and_neither_has_nothing():
    assert of(lambda a, phi: sp.laplacian(phi.u) - 1.0) == 0.0
    assert of(lambda a, phi: sp.laplacian(phi.u)) == 0.0


def test_the_offset_of_a_source_does_not_hide_its_waves():
    assert of(lambda a, phi: phi.u - 100 - torch.sin(5 * a.x)) == pytest.approx(5.0, rel=0.2)


def test_boundary_values_count():
    problem = stated(
        constraints=[
            sp.Constraint("inside", on=SQUARE, residual=lambda a, phi: sp.laplacian(phi.u)),
            sp.Constraint("side", on=SQUARE.at(y=1), residual=lambda a, phi: phi.u - torch.cos(9 * a.x)),
        ]
    )
    assert bandwidth(problem) == pytest.approx(9.0, rel=0.1)


def test_what_is_exact_is_never_looked_at():
    def never(a):
        calls.append(a)
        return torch.sin(50 * a.x)

    calls = []
    rule = sp.Constraint("rule", on=SQUARE, residual=lambda a, phi: phi.u - a.x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.SirenPDEWarning)  # which is no solution
        problem = stated(constraints=[rule], exact={"u": never})
    calls.clear()
    assert bandwidth(problem) < 5
    assert calls == []


def test_measurements_alone_say_nothing():
    points = sp.Points(np.linspace(-1, 1, 9)[:, None], names=("x",), data={"seen": np.arange(9.0)})
    assert of(lambda a, phi: phi.u - a.seen, on=points) == 0.0


def test_a_problem_in_three_coordinates():
    # A cosine's half wave: its deviation from the mean is smaller than itself.
    assert math.pi / 2 < bandwidth(poisson(3)) < math.pi


def test_the_slope_of_the_unknown_field_plays_no_part():
    assert of(lambda a, phi: read_u(a, phi) * 40 - a.x) == pytest.approx(math.sqrt(3), rel=0.01)


def test_some_constraints_alone_can_be_looked_at():
    problem = stated(
        fields=("u", "v"),
        constraints=[
            sp.Constraint("inside", on=SQUARE, residual=lambda a, phi: phi.u - torch.sin(3 * a.x)),
            sp.Constraint("again", on=SQUARE, residual=lambda a, phi: phi.v - torch.sin(11 * a.y)),
        ],
    )
    network = sp.Siren(width=4, depth=1, omega=1, first_omega=1).build(2, 2, dtype=torch.float64)
    with torch.no_grad():
        network.last.weight.zero_()
    loss = IntegralLoss(problem, problem.ansatz(network).double())
    for among, wavenumber in (([0], 3), ([1], 11), (None, 11)):
        assert residual_bandwidth(loss, 1e-3, among) == pytest.approx(wavenumber, rel=0.06)
