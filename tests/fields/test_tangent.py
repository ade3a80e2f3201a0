"""Rows of the Jacobian in factors are those of autograd, point by point, and so is all that is made of them."""

import copy

import pytest
import torch
from binding import NAMES, WHERE, by_autograd, relative, small_siren, traced
from torch import nn
from zoo import points_in

import sirenpde as sp
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.correction import CorrectedNetwork
from sirenpde.fields.layout import Layout
from sirenpde.fields.rows import DenseRows, Metric
from sirenpde.fields.scope import Surroundings
from sirenpde.fields.siren import SirenNetwork
from sirenpde.fields.tangent import Weights, factors_of, recorded
from sirenpde.fields.unknowns import UnknownNumbers
from sirenpde.fields.windows import Continued, Start

ROUNDING = 1e-12  # two ways to one number through four layers, as in test_streams.py
UNKNOWN = {"nu": (0.7, 0.0, None), "place": (0.3, None, None)}


def ansatz(dimension, outputs=1, *, network=None, hard=None, unknowns=None, **options):
    network = network or small_siren(dimension, outputs, **options)
    layout = Layout({"u": None if outputs == 1 else outputs}, NAMES[:dimension])
    trial = points_in(dimension, 5, seed=3)
    return Ansatz(network, layout, hard, UnknownNumbers(unknowns or {}), trial=trial).double()


def trained(network):
    sirens = [each for each in network.modules() if isinstance(each, SirenNetwork)]
    return Weights(next(each for each in sirens if each.last.weight.requires_grad), list(network.unknowns.raw))


def seen_by(network):
    return Surroundings(WHERE, network.layout, {}, network.unknowns.names)


def columns(parts):
    return [column for part in parts for column in part.reshape(len(part), -1).unbind(1)]


def in_factors(residual, network, points):
    """The rows of every component of a residual, in factors."""
    around, weights = seen_by(network), trained(network)
    seen = traced(residual, copy.deepcopy(network).requires_grad_(), points, around)
    pairs = [recorded(way, network) for way in seen.plan(network)]
    parts = seen.evaluate(network, points, {}, [way for way, _ in pairs])
    return [factors_of(column, [record for _, record in pairs], weights) for column in columns(parts)]


def one_by_one(residual, network, points):
    """The same rows, each by one backward pass of nested autograd."""
    weights = trained(network)
    tensors = [tensor for layer in weights._layers for tensor in (layer.weight, layer.bias)] + list(weights.numbers)
    found = []
    for column in columns(by_autograd(residual, network, points, seen_by(network))):
        rows = []
        for value in column:
            slopes = torch.autograd.grad(value, tensors, retain_graph=True, allow_unused=True, materialize_grads=True)
            ends = 2 * len(weights.shapes)
            pairs = zip(slopes[:ends:2], slopes[1:ends:2], strict=True)
            blocks = [torch.cat([weight, bias[:, None]], dim=1).flatten() for weight, bias in pairs]
            rows.append(torch.cat([*blocks, *(number.reshape(1) for number in slopes[ends:])]))
        found.append(torch.stack(rows))
    return found


def agree(residual, network, points=None):
    points = points_in(len(network.layout.coordinates), 5) if points is None else points
    pairs = list(zip(in_factors(residual, network, points), one_by_one(residual, network, points), strict=True))
    assert pairs
    assert all(relative(ours.rows(), theirs) < ROUNDING for ours, theirs in pairs)
    return pairs


RESIDUALS = {
    "values": lambda a, phi: phi.u,
    "slopes": lambda a, phi: sp.grad(phi.u),
    "advection": lambda a, phi: sp.partial(phi.u, "x") * phi.u,
    "Laplacian": lambda a, phi: sp.laplacian(phi.u) + phi.u * phi.u,
    "third order": lambda a, phi: sp.partial(sp.partial(sp.partial(phi.u, "x"), "x"), "x") * a.x + phi.u,
    "two parts": lambda a, phi: (phi.u, sp.laplacian(phi.u)),
}


class TestRows:
    @pytest.mark.parametrize("outputs", [1, 3])
    @pytest.mark.parametrize("dimension", [1, 2, 3])
    @pytest.mark.parametrize("residual", RESIDUALS)
    def test_they_are_those_of_autograd(self, residual, dimension, outputs):
        agree(RESIDUALS[residual], ansatz(dimension, outputs))

    def test_of_two_components_that_meet(self):
        agree(lambda a, phi: sp.div(phi.u) * sp.curl(phi.u), ansatz(2, 2))

    @pytest.mark.parametrize("residual", RESIDUALS)
    def test_of_a_periodic_network(self, residual):
        agree(RESIDUALS[residual], ansatz(2, periodic=(0,), bounds=[(-1.0, 2.0), (0.0, 1.0)]))

    def test_of_fields_at_other_points_too(self):
        agree(lambda a, phi: phi.u - phi.at(x=0.5).u * sp.partial(phi.at(x=a.x + 0.1).u, "y"), ansatz(2))

    def test_of_points_that_the_field_itself_displaces(self):
        agree(lambda a, phi: phi.at(x=a.x + 0.1 * phi.u).u * phi.u, ansatz(2))
        agree(lambda a, phi: phi.at(x=phi.at(x=0.3 * phi.u).u).u, ansatz(1))

    @pytest.mark.parametrize("residual", RESIDUALS)
    def test_of_a_hard_condition_by_the_product_rule(self, residual):
        agree(RESIDUALS[residual], ansatz(2, hard={"u": lambda a, u: a.y + (1 - a.x**2) * u}))

    def test_of_one_component_of_several(self):
        def hard(a, u):
            return torch.stack([u[:, 0] * a.x, u[:, 1]], dim=1) if isinstance(u, torch.Tensor) else u * a.x

        agree(lambda a, phi: sp.laplacian(phi.u), ansatz(2, 2, hard={"u": hard}))

    @pytest.mark.parametrize("residual", RESIDUALS)
    @pytest.mark.parametrize("hard", [None, {"u": lambda a, u: a.y + (1 - a.x**2) * u}], ids=["free", "hard"])
    def test_of_a_correction_are_by_its_own_weights(self, residual, hard):
        parts = [small_siren(2, seed=seed) for seed in (1, 2)]
        network = ansatz(2, network=CorrectedNetwork(*parts, scale=[0.3]), hard=hard)
        assert all(
            ours.rows().shape[1] == sum(trained(network).sizes) for ours, _ in agree(RESIDUALS[residual], network)
        )

    def test_of_a_window_are_by_its_own_weights(self):
        before = small_siren(2, seed=1).requires_grad_(False)
        network = ansatz(2, network=Continued(small_siren(2, seed=2), Start(before, 1, 0.0, 0.5, (1,))))
        agree(lambda a, phi: sp.partial(phi.u, "y") - sp.laplacian(phi.u, over=("x",)), network)

    def test_what_has_no_closed_form_has_no_record(self):
        network = ansatz(2, network=nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)))
        for residual in (RESIDUALS["values"], RESIDUALS["Laplacian"]):
            seen = traced(residual, network, points_in(2), seen_by(network))
            assert [recorded(way, network) for way in seen.plan(network)] == [None]
        network = ansatz(2, hard={"u": lambda a, u: a.x * u**2})
        for residual in (RESIDUALS["values"], RESIDUALS["Laplacian"]):
            seen = traced(residual, network, points_in(2), seen_by(network))
            assert [recorded(way, network) for way in seen.plan(network)] == [None]


class TestUnknownNumbers:
    @pytest.mark.parametrize(
        "residual",
        [
            lambda a, phi: a.nu * sp.laplacian(phi.u) + a.place,
            lambda a, phi: (phi.u, a.nu - 1 + 0 * a.x),
            lambda a, phi: phi.at(x=a.place).u - a.nu,
            lambda a, phi: sp.partial(phi.at(x=a.x * a.place).u, "y") * a.nu * phi.u,
            lambda a, phi: phi.at(x=a.nu * phi.u).u,
        ],
        ids=["factor", "alone", "place", "factor of a place", "of a place that the field displaces"],
    )
    @pytest.mark.parametrize("hard", [None, {"u": lambda a, u: a.nu + (a.place - a.x**2) * u}], ids=["free", "hard"])
    def test_they_are_the_last_columns(self, residual, hard):
        agree(residual, ansatz(2, unknowns=UNKNOWN, hard=hard))

    def test_of_a_correction_at_a_place_that_is_sought(self):
        parts = [small_siren(2, seed=seed) for seed in (1, 2)]
        network = ansatz(2, network=CorrectedNetwork(*parts, scale=[0.3]), unknowns=UNKNOWN)
        agree(lambda a, phi: sp.partial(phi.at(x=a.place).u, "x") - a.nu, network)

    def test_of_a_periodic_network_at_a_place_that_is_sought(self):
        network = ansatz(2, periodic=(0,), bounds=[(-1.0, 2.0), (0.0, 1.0)], unknowns=UNKNOWN)
        agree(lambda a, phi: sp.laplacian(phi.at(x=a.place).u) - a.nu, network)

    def test_a_part_that_reads_no_weight_has_rows_of_zeros(self):
        (ours, _), (none, _) = agree(lambda a, phi: (phi.u, a.x * a.y), ansatz(2))
        assert bool(ours.rows().any())
        assert not bool(none.rows().any())


@pytest.fixture
def rows():
    """Rows of two components, and of a mean."""
    network = ansatz(2, unknowns=UNKNOWN)
    return in_factors(lambda a, phi: (a.nu * sp.laplacian(phi.u), phi.at(x=0.1).u - phi.u), network, points_in(2, 6))


@pytest.fixture
def sizes():
    return trained(ansatz(2, unknowns=UNKNOWN)).sizes


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestProducts:
    def test_with_the_factors_they_are_those_with_the_rows(self, rows, sizes):
        for each in rows:
            whole, size = each.rows(), sum(sizes)
            assert whole.shape == (len(each), size)
            torch.testing.assert_close(each.times(drawn(size)), whole @ drawn(size), rtol=1e-11, atol=1e-11)
            torch.testing.assert_close(each.transposed(drawn(6)), whole.T @ drawn(6), rtol=1e-11, atol=1e-11)
            torch.testing.assert_close(each.scaled(drawn(6)).rows(), whole * drawn(6)[:, None])
            torch.testing.assert_close(each.squares(sizes), DenseRows(whole).squares(sizes), rtol=1e-11, atol=0)

    def test_the_kernel_is_that_of_the_rows_whoever_meets_whom(self, rows, sizes):
        metric = Metric(torch.tensor([0.5, 2.0, 3.0, 0.1, 7.0], dtype=torch.float64), sizes)
        blocks = [*rows, DenseRows(rows[0].rows()[:2])]
        for left in blocks:
            for right in blocks:
                expected = left.rows() * metric.diagonal @ right.rows().T
                assert relative(left.kernel(right, metric), expected) < ROUNDING

    def test_the_metric_stands_on_every_layer_and_its_inverse_undoes_it(self, sizes):
        metric = Metric(torch.tensor([0.5, 2.0, 3.0, 0.1, 7.0], dtype=torch.float64), sizes)
        assert metric.diagonal.shape == (sum(sizes),)
        assert metric.diagonal[-2:].tolist() == [7.0, 7.0]
        torch.testing.assert_close(metric.diagonal * metric.inverse.diagonal, torch.ones_like(metric.diagonal))


class TestWeights:
    def test_what_is_written_is_read_back_and_moves_the_field(self):
        network = ansatz(2, unknowns=UNKNOWN)
        weights, points = trained(network), points_in(2)
        place = weights.read()
        assert len(place) == sum(weights.sizes)
        other = drawn(len(place))
        before = network(points).detach()
        weights.write(other)
        assert torch.equal(weights.read(), other)
        assert network.unknowns.raw[1].item() == other[-1]
        assert not torch.allclose(network(points), before)
        weights.write(place)
        assert torch.equal(network(points), before)

    def test_their_order_is_that_of_the_columns(self):
        network, points = ansatz(2), points_in(2, 4)
        (rows,) = in_factors(RESIDUALS["values"], network, points)
        weights = trained(network)
        place, along = weights.read(), drawn(sum(weights.sizes))
        ends = []
        for sign in (1.0, -1.0):
            weights.write(place + sign * 1e-5 * along)
            ends.append(network(points)[:, 0].detach())
        torch.testing.assert_close(rows.times(along), (ends[0] - ends[1]) / 2e-5, rtol=1e-7, atol=1e-7)
