"""A correction goes below the floor of the first network, leaves that alone, and is refused where it cannot help."""

import math

import numpy as np
import pytest
import sympy
import torch
from small import fit, refused

import sirenpde as sp
from sirenpde.training.bandwidth import residual_bandwidth
from sirenpde.training.correction import BETWEEN, DISPLACEMENT, Remainder, suited
from sirenpde.training.loss import IntegralLoss

FIRST = sp.Siren(width=6, depth=1, omega=1, first_omega=4)
SECOND = sp.Siren(width=16, depth=1, omega=1, first_omega=12)
STAGES = [sp.Muon(steps=30, lr=2e-3), sp.SSBroyden(steps=220)]
EXACT = lambda x: np.sin(3 * x) + x**2 / 2


def line(**changes):
    """u'' = f on [-1, 1], with u = sin 3x + x²/2, whose values at the ends are built in."""
    x = sympy.symbols("x")
    u, exact = sympy.Function("u")(x), sympy.sin(3 * x) + x**2 / 2
    equation = sp.Constraint("equation", on=sp.Box(x=(-1, 1)), residual=u.diff(x, 2) - exact.diff(x, 2))
    hard = {"u": sympy.Rational(1, 2) + x * sympy.sin(3) + (1 - x**2) * u}
    return sp.Problem(**({"name": "line", "constraints": [equation], "hard": hard, "exact": {"u": exact}} | changes))


def solve(problem, **changes):
    return sp.solve(problem, **({"network": FIRST, "points": 100, "progress": False} | changes))


@pytest.fixture(scope="module")
def first():
    return solve(line(), optimizer=STAGES)


@pytest.fixture(scope="module")
def corrected(first):
    return solve(line(), network=first.network, optimizer=[sp.Correction(network=SECOND, optimizer=STAGES)])


def test_a_correction_goes_far_below_the_first_network(first, corrected):
    before, after = first.score["u_relative_l2"], corrected.score["u_relative_l2"]
    longer = solve(line(), network=first.network, optimizer=STAGES[1:]).score["u_relative_l2"]
    assert after < before / 40  # measured: 1.4e-6, 6.6e-9 and 5.3e-7
    assert after < longer / 20
    points = np.linspace(-1, 1, 50)[:, None]
    assert np.abs(corrected.u(points) - EXACT(points[:, 0])).max() < 1e-7


def test_the_first_network_stays_as_it_was(first, corrected):
    mine, theirs = corrected.network.base.state_dict(), first.network.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert all(weight.requires_grad for weight in first.network.parameters())  # it was copied


def test_the_record_and_the_notes_tell_of_the_correction(first, corrected):
    assert len(corrected.history) == 250
    # The loss is reported as the user weighed it, though it was scaled up to be trained on.
    assert corrected.history.loss[0] < 10 * first.history.loss[-1]
    assert corrected.history.loss[-1] < 1e-3 * corrected.history.loss[0]
    assert np.all(np.diff(corrected.history.seconds) >= 0)
    (note,) = corrected.settings["notes"]
    assert note.startswith("correction 1 lowered the loss from ")
    assert [each["name"] for each in corrected.settings["optimizer"]] == ["Correction"]
    assert corrected.settings["optimizer"][0]["network"]["first_omega"] == 12
    assert [each["name"] for each in corrected.settings["optimizer"][0]["optimizer"]] == ["Muon", "SSBroyden"]
    assert "of a correction" in corrected.settings["evaluation"]["equation"][0]


def test_corrections_in_a_row_add_up_and_the_same_seed_gives_the_same_bits():
    stage = sp.Correction(network=SECOND, optimizer=[sp.SSBroyden(steps=20)])
    runs = [solve(line(), optimizer=[sp.SSBroyden(steps=40), stage, stage]) for _ in range(2)]
    one, other = (run.network.state_dict() for run in runs)
    assert len(runs[0].history) == 80
    assert all(torch.equal(one[name], other[name]) for name in one)
    network = runs[0].network
    assert float(network.scale) < float(network.base.scale) < 1
    assert not torch.equal(network.correction.linears[0].weight, network.base.correction.linears[0].weight)


def test_stages_behind_a_correction_go_on_with_it():
    stages = [sp.SSBroyden(steps=30), sp.Correction(network=SECOND, optimizer=[sp.Adam(steps=5)]), sp.LBFGS(steps=7)]
    assert len(solve(line(), optimizer=stages).history) == 42


def test_a_correction_that_brings_nothing_is_taken_away():
    worse = sp.Correction(network=SECOND, optimizer=sp.Adam(steps=2, lr=100.0))
    plain = solve(line(), optimizer=sp.SSBroyden(steps=30))
    solution = solve(line(), optimizer=[sp.SSBroyden(steps=30), worse])
    assert type(solution.network) is sp.SirenNetwork
    assert all(weight.requires_grad for weight in solution.network.parameters())
    assert solution.score["u_relative_l2"] == plain.score["u_relative_l2"]
    assert len(solution.history) == 32
    assert solution.settings["notes"][-1].startswith("correction 1 was taken away: it left the loss at ")


def test_limits_of_a_run_hold_over_its_corrections():
    stages = [sp.SSBroyden(steps=30), sp.Correction(network=SECOND, optimizer=sp.SSBroyden(steps=30))]
    assert len(solve(line(), optimizer=stages, steps=35).history) == 35
    spent = solve(line(), optimizer=[*stages, stages[1]], steps=30)
    assert len(spent.history) == 30
    assert spent.settings["notes"] == [
        f"correction {number} did not begin: the steps were spent before it." for number in (1, 2)
    ]
    ended = solve(line(), optimizer=stages, max_seconds=1e-3, throw=False)
    assert len(ended.history) <= 2
    assert ended.settings["notes"] == ["correction 1 did not begin: the time was spent before it."]
    assert type(ended.network) is sp.SirenNetwork


def test_a_tolerance_that_a_correction_meets_ends_the_run(first):
    stages = [sp.Correction(network=SECOND, optimizer=sp.SSBroyden(steps=300))]
    reached = first.score["residual_equation"]
    solution = solve(line(), network=first.network, optimizer=stages, tolerance=reached / 2)
    assert solution.status is sp.Status.CONVERGED
    assert len(solution.history) < 300


def test_unknown_numbers_are_corrected_too():
    x, nu = sympy.symbols("x nu")
    u, box = sympy.Function("u")(x), sp.Box(x=(0, 1))
    place = np.linspace(0, 1, 30)
    seen = sp.Points(place[:, None], names=("x",), data={"seen": np.exp(-1.5 * place)})
    problem = sp.Problem(
        name="decay",
        constraints=[
            sp.Constraint("equation", on=box, residual=u.diff(x) + nu * u),
            sp.Constraint("data", on=seen, residual=u - sympy.Symbol("seen")),
        ],
        unknowns={"nu": sp.Unknown(1.0, lower=0)},
    )
    narrow = {"network": sp.Siren(width=8, depth=1, omega=1, first_omega=2), "points": 100}
    first = solve(problem, optimizer=sp.SSBroyden(steps=50), **narrow)
    stages = [
        sp.SSBroyden(steps=50),
        sp.Correction(network=SECOND, optimizer=[sp.Muon(steps=20), sp.SSBroyden(steps=150)]),
    ]
    both = solve(problem, optimizer=stages, **narrow)
    before, after = (abs(each.unknowns["nu"] - 1.5) for each in (first, both))
    assert 0 < after < 0.1 * before


def waves(factor):
    """u = sin factor·x, where the network is zero."""
    values = sp.Constraint("values", on=sp.Box(x=(-1, 1)), residual=lambda a, phi: phi.u - torch.sin(factor * a.x))
    problem = fit(constraints=[values], exact={})
    ansatz = problem.ansatz(FIRST.build(1, 1, dtype=torch.float64)).double()
    with torch.no_grad():
        ansatz.network.last.weight.zero_()
        ansatz.network.last.bias.zero_()
    return problem, ansatz


@pytest.mark.parametrize("factor", [20, 40])
def test_the_first_omega_follows_the_wavenumber_of_what_is_left(factor):
    problem, ansatz = waves(factor)
    found = suited(ansatz, IntegralLoss(problem, ansatz)).first_omega
    assert found == pytest.approx(BETWEEN * math.sqrt(4 * factor), rel=0.05)  # 4 is that of the network it corrects


def test_points_that_leave_an_edge_say_nothing_of_the_first_omega():
    square, network = sp.Box(x=(-1, 1), y=(-1, 1)), FIRST.build(2, 1, dtype=torch.float64)
    inside = sp.Constraint("inside", on=square, residual=lambda a, phi: sp.laplacian(phi.u) - a.x)
    edge = sp.Constraint(
        "edge", on=square.boundary, residual=lambda a, phi: phi.u + (1 - a.x**2) * (1 - a.y**2) + 1e-3 * a.x
    )
    problem = sp.Problem(name="square", fields="u", constraints=[inside, edge])
    ansatz = problem.ansatz(network).double()
    with torch.no_grad():
        network.last.weight.mul_(1e-3)
    loss = IntegralLoss(problem, ansatz)
    wavenumber = residual_bandwidth(loss, DISPLACEMENT, among=[0])
    assert wavenumber < residual_bandwidth(loss, DISPLACEMENT) / 2
    assert suited(ansatz, loss).first_omega == pytest.approx(max(BETWEEN * math.sqrt(4 * wavenumber), 4))


def test_the_scale_makes_the_correction_as_large_as_what_is_left():
    problem, ansatz = waves(10)
    sample = problem.constraints[0].on.draw(400, torch.Generator().manual_seed(0))
    left = Remainder(ansatz, problem, [sample])
    correction = left.built(SECOND, seed=0)
    size = float(left.scale(correction)) * float(correction(sample.points).detach().norm())
    assert size == pytest.approx(float(torch.sin(10 * sample.points).norm()), rel=1e-9)


def test_auto_declares_all_that_is_left_out():
    stages = [sp.SSBroyden(steps=30), sp.Correction()]
    solution = solve(line(), optimizer=stages, steps=33)
    declared = solution.settings["optimizer"][1]
    assert declared["network"] == "auto"
    assert [each["name"] for each in declared["optimizer"]] == ["Muon", "SSBroyden"]
    wide = sp.Correction(network=sp.Siren(width=128, depth=2, omega=1, first_omega=8))
    solution = solve(line(), optimizer=[sp.SSBroyden(steps=2), wide], steps=2)
    assert [each["name"] for each in solution.settings["optimizer"][1]["optimizer"]] == ["Muon", "LBFGS"]


REFUSED = {
    "another network": (
        lambda: sp.Correction(network=3),
        'Correction(network=an integer): expected "auto" or an sp.Siren(…).',
    ),
    "an array for a network": (
        lambda: sp.Correction(network=np.zeros(2)),
        'Correction(network=a NumPy array): expected "auto" or an sp.Siren(…).',
    ),
    "an array for an optimizer": (
        lambda: sp.Correction(optimizer=np.zeros(2)),
        'Correction(optimizer=array([0., 0.])): expected "auto", an optimizer such as sp.SSBroyden(steps=1000), or a '
        "list of such.\n  A second correction stands behind the first, in the list of stages of sp.solve.",
    ),
    "a correction of a correction": (
        lambda: sp.Correction(optimizer=[sp.Correction()]),
        "Correction(optimizer=[Correction(network='auto', optimizer='auto')]): expected \"auto\", an optimizer such as "
        "sp.SSBroyden(steps=1000), or a list of such.\n  A second correction stands behind the first, in the list of "
        "stages of sp.solve.",
    ),
    "no optimizer": (
        lambda: sp.Correction(optimizer=[]),
        'Correction(optimizer=[]): expected "auto", an optimizer such as sp.SSBroyden(steps=1000), or a list of such.'
        "\n  A second correction stands behind the first, in the list of stages of sp.solve.",
    ),
    "single precision": (
        lambda: solve(line(), optimizer=[sp.Adam(steps=1), sp.Correction()], dtype="float32"),
        "sp.Correction needs float64; got float32, whose rounding is larger than what it corrects. Write "
        'dtype="float64".',
    ),
    "more than a file holds": (
        lambda: solve(line(), optimizer=[sp.Adam(steps=1), *[sp.Correction(optimizer=sp.Adam(steps=1))] * 16]),
        "the stages have 16 of sp.Correction, which would add up to 17 networks; a sum has at most 16.\n  Rounding "
        "ends what corrections gain after one or two. Leave the others out.",
    ),
    "nothing to correct": (
        lambda: solve(line(), optimizer=sp.Correction()),
        "the first of the stages is an sp.Correction, and there is nothing yet to correct: a network that was just "
        "drawn is no approximation.\n  Write optimizer=[sp.Muon(steps=300), sp.SSBroyden(steps=2000), "
        "sp.Correction()], or give a network that was trained, network=solution.network.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_correction_that_cannot_help_is_refused(case):
    act, message = REFUSED[case]
    with refused(sp.UsageError, message):
        act()


def test_auto_counts_its_steps_before_anything_is_known():
    assert sp.Correction().steps == 2300


def test_a_lost_correction_leaves_the_first_network_and_a_note():
    calls = []

    def residual(a, phi):
        calls.append(1)
        lost = len(calls) > start[0] and phi.u.tensor.requires_grad
        return (phi.u - torch.sin(2 * a.x)) * (math.nan if lost else 1.0)

    start = [10**9]
    problem = fit(constraints=[sp.Constraint("values", on=sp.Box(x=(-1, 1)), residual=residual)])
    good = solve(problem, optimizer=sp.SSBroyden(steps=20), points=50)
    start[0] = 0
    stage = sp.Correction(network=SECOND, optimizer=sp.Adam(steps=10))
    solution = solve(problem, network=good.network, optimizer=[stage], points=50)
    assert solution.status is sp.Status.STALLED
    lost, taken = solution.settings["notes"]
    assert lost.endswith(" It was met 4 times there, with shorter steps each time.")
    assert taken.startswith("correction 1 was taken away: ")
    assert type(solution.network) is sp.SirenNetwork


def noisy():
    """u' = k u with an unknown k in bounds, which a correction measures too."""
    x, k = sympy.symbols("x k")
    u, line = sympy.Function("u")(x), sp.Box(x=(0, 1))
    rules = [
        sp.Constraint("equation", on=line, residual=u.diff(x) - k * u),
        sp.Constraint("ends", on=line.at(x=0) | line.at(x=1), residual=u - sympy.exp(x / 2)),
    ]
    return sp.Problem(name="growth", constraints=rules, unknowns={"k": sp.Unknown(initial=0.2, lower=0, upper=1)})


@pytest.mark.parametrize("call", range(1, 4))  # the residual, and its answers to k and u
def test_an_interrupt_while_a_correction_is_measured_leaves_what_it_was_to_correct(monkeypatch, call):
    before = sp.SSBroyden(steps=20)
    plain = solve(noisy(), optimizer=before)
    calls = []
    residual = Remainder._residual

    def interrupted(self):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return residual(self)

    monkeypatch.setattr(Remainder, "_residual", interrupted)
    solution = solve(noisy(), optimizer=[before, sp.Correction(network=SECOND, optimizer=sp.Adam(steps=5))])
    assert solution.status is sp.Status.INTERRUPTED
    assert solution.unknowns == plain.unknowns
    mine, theirs = solution.network.state_dict(), plain.network.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert all(weight.requires_grad for weight in solution.network.parameters())


def test_a_correction_of_windows_is_refused_before_training():
    u, t = sympy.Function("u"), sympy.symbols("t")
    time = sp.Box(t=(0, 1))
    rules = [
        sp.Constraint("equation", on=time, residual=u(t).diff(t) + u(t)),
        sp.Constraint("start", on=time.at(t=0), residual=u(t) - 1),
    ]
    problem = sp.Problem(name="decay", constraints=rules)
    windows = sp.march(problem, windows=2, network=FIRST, points=16, optimizer=sp.Adam(steps=1), progress=False)
    message = (
        "the network is that of sp.march, one for each of its windows, and the stages have an sp.Correction: no file "
        "would give their sum back.\n  Leave the sp.Correction out, or solve the problem in more windows: the errors "
        "of each are smaller then."
    )
    with refused(sp.UsageError, message):
        solve(problem, network=windows.network, optimizer=[sp.Adam(steps=1), sp.Correction()])


def test_of_two_corrections_that_are_declared_alike_time_ends_the_last():
    stage = sp.Correction(network=SECOND)
    solution = solve(line(), optimizer=[sp.Adam(steps=1), stage, stage], max_seconds=1e-3)
    first, second = (
        [each["steps"] for each in declared["optimizer"]] for declared in solution.settings["optimizer"][1:]
    )
    assert first == [300, 2000]
    assert second == [20, 10**6]
