"""The loss is L(Φ) = Σ_m λ_m |Ω_m| / N_m Σ_i ρ(C_m(x_i))."""

import itertools
import math
import weakref

import numpy as np
import pytest
import torch
from small import read_u, refused, stated

import sirenpde as sp
from sirenpde.regions.region import Sample
from sirenpde.training.loss import IntegralLoss

SQUARE = sp.Box(x=(-1, 1), y=(0, 3))
SMALL = sp.Siren(width=8, depth=1, omega=2, first_omega=2)


def network(inputs=2, outputs=1):
    return SMALL.build(inputs, outputs, seed=4, dtype=torch.float64)


def draw(problem, *counts):
    generator = torch.Generator().manual_seed(0)
    return [each.on.draw(count, generator) for each, count in zip(problem.constraints, counts, strict=True)]


THREE = stated(
    fields=("u", "v"),
    constraints=[
        sp.Constraint("slope", on=SQUARE, residual=lambda a, phi: sp.grad(phi.u) - a.x, weight=0.5),
        sp.Constraint("walls", on=SQUARE.boundary, residual=lambda a, phi: (phi.v, phi.u * a.y), penalty="absolute"),
        sp.Constraint(
            "own", on=SQUARE.at(y=0), residual=lambda a, phi: phi.u + phi.v, weight=3, penalty=lambda r: r**4
        ),
    ],
)


def test_every_term_equals_the_formula_computed_by_hand():
    phi = network(outputs=2)
    samples = draw(THREE, 7, 5, 3)
    terms = IntegralLoss(THREE, phi).terms(samples)

    inside = samples[0].points.clone().requires_grad_()
    (slope,) = torch.autograd.grad(phi(inside)[:, 0].sum(), inside)
    by_hand = [0.5 * 6.0 / 7 * ((slope - samples[0].points[:, :1]) ** 2).sum()]
    u, v = phi(samples[1].points).T
    by_hand.append(1.0 * 10.0 / 5 * (v.abs() + (u * samples[1].points[:, 1]).abs()).sum())
    by_hand.append(3.0 * 2.0 / 3 * (phi(samples[2].points).sum(1) ** 4).sum())
    np.testing.assert_allclose(terms, [term.item() for term in by_hand], rtol=1e-13)


@pytest.mark.parametrize("chunk", [1, 4, 11, 12, 100], ids=lambda chunk: f"chunks of {chunk}")
def test_pieces_add_up_to_the_whole_with_a_ragged_last_chunk(chunk):
    # 11 points in chunks of 4 leave 3. Sums of a few hundred terms agree to 1e-12 in float64.
    samples = draw(THREE, 11, 11, 11)

    def loss_and_gradient(chunk):
        phi = network(outputs=2)
        totals = [0.0, 0.0, 0.0]
        for index, part in IntegralLoss(THREE, phi, chunk=chunk).parts(samples):
            part.backward()
            totals[index] += part.item()
        return totals, [weight.grad for weight in phi.parameters()]

    whole, slope = loss_and_gradient(10**9)
    pieces, same = loss_and_gradient(chunk)
    np.testing.assert_allclose(pieces, whole, rtol=1e-12)
    for one, other in zip(same, slope, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12 * float(other.abs().max()))


def test_the_number_of_pieces_follows_the_chunk():
    samples = draw(THREE, 11, 4, 5)
    numbers = [index for index, _ in IntegralLoss(THREE, network(outputs=2), chunk=4).parts(samples)]
    assert numbers == [0, 0, 0, 1, 2, 2]


def test_data_and_normals_are_cut_with_their_points():
    points = sp.Points(np.arange(10.0)[:, None], names="x", data={"own": np.arange(10.0)})
    problem = stated(constraints=[sp.Constraint("r", on=points, residual=lambda a, phi: (a.own - a.x, phi.u * 0.0))])
    loss = IntegralLoss(problem, network(1), chunk=3)
    assert loss.terms([points.take(torch.arange(10))]) == [0.0]


def test_a_boundary_weighs_by_its_surface():
    # A residual of 2 everywhere: 4 times the measure, whatever the number of points.
    problem = stated(
        constraints=[
            sp.Constraint("inside", on=SQUARE, residual=lambda a, phi: phi.u * 0.0 + 2),
            sp.Constraint("boundary", on=SQUARE.boundary, residual=lambda a, phi: phi.u * 0.0 + 2),
            sp.Constraint("corner", on=SQUARE.at(x=1, y=0), residual=lambda a, phi: phi.u * 0.0 + 2),
        ]
    )
    np.testing.assert_allclose(IntegralLoss(problem, network()).terms(draw(problem, 3, 17, 2)), [24, 40, 4], rtol=1e-14)


def test_points_are_a_mean():
    points = sp.Points([[0.0], [1.0], [2.0]], names="x", data={"seen": [1.0, 2.0, 3.0]})
    problem = stated(constraints=[sp.Constraint("data", on=points, residual=lambda a, phi: phi.u * 0.0 + a.seen)])
    assert IntegralLoss(problem, network(1)).terms([points.take(torch.arange(3))]) == [pytest.approx(14 / 3)]


def test_a_sum_over_a_grid_converges_with_order_two():
    # ∫_{-1}^{1} u² dx for the network itself; the reference is Gauss-Legendre with 60 nodes.
    phi = network(1)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    with torch.no_grad():
        exact = float(weights @ phi(torch.from_numpy(nodes)[:, None])[:, 0].numpy() ** 2)

    def error(count):
        grid = sp.Grid(("x",), (1 / count - 1,), (2 / count,), (count,))
        problem = stated(constraints=[sp.Constraint("values", on=grid, residual=read_u)])
        return abs(IntegralLoss(problem, phi).terms([grid.take(torch.arange(count))])[0] - exact)

    errors = [error(count) for count in (64, 128, 256, 512)]
    rates = [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]
    np.testing.assert_allclose(rates, 2.0, atol=0.05)


def test_root_mean_squares_are_in_the_unit_of_the_residual():
    # Weights, measures and penalties play no part; components are summed, as in a norm.
    problem = stated(
        constraints=[
            sp.Constraint("pair", on=SQUARE, residual=lambda a, phi: (phi.u * 0.0 + 3, phi.u * 0.0 + 4), weight=9),
            sp.Constraint("one", on=SQUARE, residual=lambda a, phi: phi.u * 0.0 - 2, penalty="absolute"),
            sp.Constraint("vector", on=SQUARE, residual=lambda a, phi: sp.grad(phi.u) * 0.0 + 3),
        ]
    )
    means = IntegralLoss(problem, network()).root_mean_squares(draw(problem, 6, 6, 6))
    np.testing.assert_allclose(means, [5, 2, 3 * math.sqrt(2)])


def test_an_expression_that_is_differentiated_measures_the_same_without_gradients():
    # div(x grad u) has no closed form: autograd must work although the caller wants no gradient.
    problem = stated(
        constraints=[
            sp.Constraint("expression", on=SQUARE, residual=lambda a, phi: sp.div(a.x * sp.grad(phi.u))),
            sp.Constraint(
                "expanded", on=SQUARE, residual=lambda a, phi: sp.partial(phi.u, "x") + a.x * sp.laplacian(phi.u)
            ),
        ]
    )
    sample = draw(problem, 20, 20)[0]
    loss = IntegralLoss(problem, network())
    assert loss.plans[0] == []
    assert loss.plans[1] != []
    first, second = loss.root_mean_squares([sample, sample])
    assert first == pytest.approx(second, rel=1e-10)
    assert first > 1e-3


def test_own_weights_of_the_loss_scale_its_terms():
    samples = draw(THREE, 4, 4, 4)
    loss = IntegralLoss(THREE, network(outputs=2))
    before = loss.terms(samples)
    loss.weights[1] *= 7
    after = loss.terms(samples)
    assert after == [before[0], pytest.approx(7 * before[1]), before[2]]


def test_a_residual_that_fails_on_other_points_is_named():
    def residual(a, phi):
        if phi.u.shape[0] > 3:
            1 / 0  # noqa: B018 - what goes wrong
        return phi.u

    problem = stated(constraints=[sp.Constraint("rule", on=SQUARE, residual=residual)])
    message = 'constraint "rule" of problem "trial" failed on 8 points: ZeroDivisionError: division by zero'
    with refused(sp.ResidualError, message) as caught:
        IntegralLoss(problem, network()).terms(draw(problem, 8))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_memory_that_runs_out_is_a_resource_error(monkeypatch):
    def exhausted(*arguments):
        msg = "no room"
        raise torch.OutOfMemoryError(msg)

    problem = stated(constraints=[sp.Constraint("rule", on=SQUARE, residual=read_u)])
    monkeypatch.setattr("sirenpde.fields.trace.Traced.evaluate", exhausted)
    message = 'constraint "rule" of problem "trial" ran out of memory on 8 points: no room'
    with refused(sp.ResourceError, message):
        IntegralLoss(problem, network()).terms([Sample(torch.zeros(8, 2))])


@pytest.mark.filterwarnings("ignore:every residual of:sirenpde.errors.SirenPDEWarning")
class TestWhatIsRemembered:
    """What depends on the points alone is computed once per sample, and never for another one."""

    @staticmethod
    def counted():
        calls = []

        def f(a):
            calls.append(1)
            return torch.sin(a.x)

        line = sp.Box(x=(0, 1))
        problem = sp.Problem(
            name="remembered",
            fields="u",
            given={"f": f},
            hard={"u": lambda a, u: a.x * u + a.x**3},
            constraints=[sp.Constraint("rule", on=line, residual=lambda a, phi: sp.partial(phi.u, "x", "x") - a.f)],
        )
        network = sp.Siren(width=8, depth=1).build(1, 1, dtype=torch.float64)
        return IntegralLoss(problem, problem.ansatz(network)), line, calls

    def test_a_known_is_asked_once_per_sample(self):
        loss, line, calls = self.counted()
        first, second = (Sample(torch.from_numpy(line.sample(20, seed))) for seed in (0, 1))
        calls.clear()
        for _ in range(3):
            loss.terms([first])
        assert len(calls) == 1
        loss.terms([second])
        assert len(calls) == 2

    def test_what_is_remembered_is_what_is_computed(self):
        loss, line, _ = self.counted()
        samples = [Sample(torch.from_numpy(line.sample(20, seed))) for seed in (0, 1)]
        before = [loss.terms([sample]) for sample in samples]
        assert before[0] != before[1]
        assert [loss.terms([sample]) for sample in samples] == before
        assert [loss.terms([Sample(sample.points)]) for sample in samples] == before

    def test_the_pieces_of_a_sample_are_the_same_at_every_call(self):
        sample = Sample(torch.rand(10, 2))
        pieces = sample.pieces(4)
        assert [len(piece) for piece in pieces] == [4, 4, 2]
        assert all(one is other for one, other in zip(pieces, sample.pieces(4), strict=True))
        assert sample.pieces(10) == (sample,)
        assert torch.equal(torch.cat([piece.points for piece in pieces]), sample.points)

    def test_a_sample_that_is_dropped_is_freed_at_once(self):
        sample = Sample(torch.rand(10, 2))
        sample.pieces(4), sample.pieces(20)
        seen = weakref.ref(sample)
        del sample
        assert seen() is None

    def test_another_problem_at_the_same_points_remembers_for_itself(self):
        sample = Sample(torch.rand(5, 1, dtype=torch.float64))
        network = sp.Siren(width=8, depth=1).build(1, 1, dtype=torch.float64)
        rule = sp.Constraint("rule", on=sp.Box(x=(0, 1)), residual=lambda a, phi: sp.partial(phi.u, "x"))
        for hard in (lambda a, u: a.x * u, lambda a, u: (1 + a.x**2) * u):
            problem = stated(constraints=[rule], hard={"u": hard})
            loss = IntegralLoss(problem, problem.ansatz(network))
            assert loss.terms([sample]) == loss.terms([Sample(sample.points)])


class TestIntegral:
    """λ |Ω| ρ(mean of C over Ω): the penalty is that of the mean, of all points at once."""

    @staticmethod
    def term(residual, chunk=None, **arguments):
        problem = stated(constraints=[sp.IntegralConstraint("total", on=SQUARE, residual=residual, **arguments)])
        samples, phi = draw(problem, 11), network()
        return IntegralLoss(problem, phi, chunk=chunk).terms(samples)[0], samples[0].points, phi

    def test_a_scalar_equals_the_formula_computed_by_hand(self):
        term, points, phi = self.term(lambda a, phi: phi.u - a.y, weight=5)
        mean = (phi(points)[:, 0] - points[:, 1]).mean().item()
        assert term == pytest.approx(5 * 6.0 * mean**2, rel=1e-12)

    @pytest.mark.parametrize("several", ["a vector", "a tuple"])
    def test_components_are_summed_after_the_penalty(self, several):
        def residual(a, phi):
            return sp.grad(phi.u) if several == "a vector" else (sp.partial(phi.u, "x"), sp.partial(phi.u, "y"))

        term, points, phi = self.term(residual, weight=5)
        inside = points.clone().requires_grad_()
        (slope,) = torch.autograd.grad(phi(inside).sum(), inside)
        assert term == pytest.approx(5 * 6.0 * slope.mean(0).square().sum().item(), rel=1e-12)

    def test_another_penalty_is_that_of_the_mean(self):
        term, points, phi = self.term(lambda a, phi: phi.u - a.y, weight=5, penalty="absolute")
        mean = (phi(points)[:, 0] - points[:, 1]).mean().item()
        assert term == pytest.approx(5 * 6.0 * abs(mean), rel=1e-12)

    @pytest.mark.parametrize("chunk", [1, 4, 11])
    def test_the_size_of_a_chunk_changes_nothing(self, chunk):
        for residual in (lambda a, phi: phi.u - a.y, lambda a, phi: sp.grad(phi.u)):
            assert self.term(residual, chunk=chunk)[0] == self.term(residual)[0]


class TestShares:
    """Importance weights are part of the estimate of an integral; an emphasis is part of the training alone."""

    def test_a_point_with_a_share_of_two_counts_as_two_points(self):
        problem = stated(constraints=[sp.Constraint("slope", on=SQUARE, residual=lambda a, phi: sp.grad(phi.u) - a.x)])
        loss, sample = IntegralLoss(problem, network(), chunk=4), draw(problem, 6)[0]
        shares = torch.tensor([2.0] * 3 + [0.0] * 3, dtype=torch.float64)
        first = sample.part(0, 3)
        weighed = Sample(sample.points, shares=shares)
        np.testing.assert_allclose(loss.terms([weighed]), loss.terms([first]), rtol=1e-13)
        np.testing.assert_allclose(loss.root_mean_squares([weighed]), loss.root_mean_squares([first]), rtol=1e-13)

    def test_shares_of_one_change_nothing(self):
        samples = draw(THREE, 7, 5, 3)
        ones = [
            Sample(each.points, each.normal, each.data, shares=torch.ones(len(each), dtype=torch.float64))
            for each in samples
        ]
        loss = IntegralLoss(THREE, network(outputs=2))
        assert loss.terms(ones) == loss.terms(samples)

    def test_the_mean_inside_an_integral_constraint_is_weighed_and_not_its_penalty(self):
        problem = stated(
            constraints=[sp.IntegralConstraint("mean", on=SQUARE, residual=lambda a, phi: a.x + 0 * phi.u)]
        )
        points = torch.tensor([[0.1, 0.0], [0.5, 0.0]], dtype=torch.float64)
        sample = Sample(points, shares=torch.tensor([1.5, 0.5], dtype=torch.float64))
        loss = IntegralLoss(problem, network())
        mean = (1.5 * 0.1 + 0.5 * 0.5) / 2
        np.testing.assert_allclose(loss.terms([sample]), [6.0 * mean**2], rtol=1e-12)
        np.testing.assert_allclose(loss.root_mean_squares([sample]), [mean], rtol=1e-12)

    @pytest.mark.parametrize("chunk", [2, 100])
    def test_an_emphasis_changes_what_is_trained_on_and_not_what_is_reported(self, chunk):
        plain = draw(THREE, 6, 6, 6)[0]
        emphasis = torch.linspace(0, 1, 6, dtype=torch.float64)
        sample = Sample(plain.points, shares=2 * torch.ones(6, dtype=torch.float64), emphasis=emphasis)
        phi = network(outputs=2)
        loss = IntegralLoss(THREE, phi, chunk=chunk)
        pairs = list(loss.trained_and_stated(0, sample))
        by_hand = loss.densities(0, plain)
        np.testing.assert_allclose(
            sum(float(each.detach()) for each, _ in pairs), float(6 * (2 * emphasis * by_hand).mean())
        )
        np.testing.assert_allclose(sum(float(each) for _, each in pairs), float(6 * (2 * by_hand).mean()))
        assert sum(float(each) for _, each in pairs) == pytest.approx(loss.terms([sample])[0], rel=1e-13)
        assert all(trained.requires_grad and not stated.requires_grad for trained, stated in pairs)
        assert float(sum(loss.parts_of(0, sample)).detach()) == pytest.approx(
            sum(float(each.detach()) for each, _ in pairs), rel=1e-13
        )
