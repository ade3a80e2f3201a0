"""Windows in files: what comes back evaluates to the same bits, and what no run has written is refused."""

import copy
import dataclasses
import itertools

import numpy as np
import pytest
import sympy
import torch

import sirenpde as sp
from sirenpde.fields.siren import Siren
from sirenpde.fields.windows import WindowedNetwork
from sirenpde.solution.rebuild import network_settings
from sirenpde.solution.solution import from_archive
from sirenpde.solution.window_numbers import window_settings
from sirenpde.training.status import History, Status

x, t = sympy.symbols("x t")
u = sympy.Function("u")(x, t)
DOMAIN = sp.Box(x=(-1, 1), t=(0, 1))
EDGES = (0.0, 0.1, 0.7, 1.0)
SETTINGS = {"coordinate": "t", "edges": list(EDGES), "orders": [2]}
NETWORK = {"width": 6, "depth": 1, "omega": 1.0, "first_omega": 2.0}


def solution(dtype=torch.float64, **changes):
    """A solution in three windows that was never trained."""
    problem = sp.Problem(
        name="ring",
        constraints=[sp.Constraint("equation", on=DOMAIN, residual=u.diff(t, 2) - u.diff(x, 2))],
        hard={"u": sympy.sin(sympy.pi * x) + t**2 * u},
        periodic=("x",),
    )
    networks = [
        Siren(**NETWORK).build(2, 1, seed=seed, bounds=((-1, 1), ends), periodic=(0,), dtype=dtype)
        for seed, ends in enumerate(itertools.pairwise(EDGES))
    ]
    network = WindowedNetwork(networks, 1, EDGES, (2,)).to(dtype)
    kept = {
        "periodic": ["x"],
        "network": network_settings(network),
        "windows": window_settings(network, problem.layout),
    }
    return sp.Solution(
        name="ring",
        layout=problem.layout,
        ansatz=problem.ansatz(network),
        status=Status.STALLED,
        history=History(()),
        score={},
        settings=kept | changes,
        provenance={},
        problem=problem,
    )


def test_numbers_say_how_windows_are_built():
    made = solution()
    assert made.settings["network"] == {"windows": [NETWORK] * 3}
    assert made.settings["windows"] == SETTINGS


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_windows_come_back_bit_for_bit(tmp_path, rng, dtype):
    saved = solution(dtype)
    saved.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5", problem=saved.problem)
    points = np.concatenate([rng.uniform((-1, 0), (1, 1), (50, 2)), [[0.3, edge] for edge in EDGES]])
    assert loaded.u(points).tobytes() == saved.u(points).tobytes()
    assert loaded.u.hessian(points).tobytes() == saved.u.hessian(points).tobytes()
    assert loaded.u.partial("t", "t")(points).tobytes() == saved.u.partial("t", "t")(points).tobytes()


def test_a_network_of_the_users_own_is_not_described():
    made = solution()
    made.network.windows[2].network = torch.nn.Linear(2, 1)
    assert network_settings(made.network) is None


HOSTILE = {
    "no windows": {"windows": None},
    "windows as text": {"windows": "t"},
    "a coordinate that there is not": {"windows": SETTINGS | {"coordinate": "q"}},
    "a coordinate as a list": {"windows": SETTINGS | {"coordinate": ["t"]}},
    "an edge too few": {"windows": SETTINGS | {"edges": [0.0, 0.1, 1.0]}},
    "edges that go back": {"windows": SETTINGS | {"edges": [0.0, 0.7, 0.1, 1.0]}},
    "an edge that is text": {"windows": SETTINGS | {"edges": [0.0, "0.1", 0.7, 1.0]}},
    "edges as a number": {"windows": SETTINGS | {"edges": 3}},
    "an infinite edge": {"windows": SETTINGS | {"edges": [0.0, 0.1, 0.7, float("inf")]}},
    "no orders": {"windows": SETTINGS | {"orders": []}},
    "an order for a field too many": {"windows": SETTINGS | {"orders": [2, 2]}},
    "an enormous order": {"windows": SETTINGS | {"orders": [10**6]}},
    "a negative order": {"windows": SETTINGS | {"orders": [-1]}},
    "something besides": {"windows": SETTINGS | {"code": "1"}},
    "no networks": {"network": {"windows": []}},
    "a window too many": {"network": {"windows": [NETWORK] * 4}},
    "more windows than there can be": {"network": {"windows": [NETWORK] * 51}},
    "windows of windows": {"network": {"windows": [{"windows": [NETWORK]}] * 3}},
    "a huge network": {"network": {"windows": [NETWORK, NETWORK, NETWORK | {"width": 65536}]}},
    "many layers": {"network": {"windows": [NETWORK, NETWORK, NETWORK | {"width": 1, "depth": 256}]}},
    "a network as text": {"network": {"windows": "abc"}},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_no_run_has_written_is_refused(case):
    archive = solution().archive()
    changed = dataclasses.replace(archive, settings={**copy.deepcopy(archive.settings), **HOSTILE[case]})
    with pytest.raises(sp.FileError, match=r"bad\.h5"):
        from_archive(changed, "bad.h5", solution().problem)
