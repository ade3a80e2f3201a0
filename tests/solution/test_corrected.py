"""Corrected networks in files: the sum comes back to the same bits, and what declares no sum is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from small import fit, refused

import sirenpde as sp
from sirenpde.fields.correction import CorrectedNetwork
from sirenpde.solution.rebuild import network_settings
from sirenpde.solution.solution import from_archive

FIRST = sp.Siren(width=6, depth=1, omega=1, first_omega=2)
STAGES = [
    sp.SSBroyden(steps=15),
    sp.Correction(network=sp.Siren(width=8, depth=1, omega=1, first_omega=5), optimizer=sp.SSBroyden(steps=8)),
    sp.Correction(network=sp.Siren(width=5, depth=2, omega=1, first_omega=9), optimizer=sp.SSBroyden(steps=8)),
]


@pytest.fixture(scope="module")
def saved():
    line = sp.Box(x=(-1, 1))
    values = sp.Constraint("values", on=line, residual=lambda a, phi: sp.partial(phi.u, "x") - 2 * torch.cos(2 * a.x))
    problem = fit(constraints=[values], hard={"u": lambda a, u: a.x * u})
    return sp.solve(problem, network=FIRST, optimizer=STAGES, points=50, dtype="float64", progress=False)


@pytest.fixture
def archive(saved):
    return saved.archive()


def test_a_corrected_network_comes_back_to_the_same_bits(saved, tmp_path):
    saved.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5", problem=saved.problem)
    assert [each["width"] for each in loaded.settings["network"]["parts"]] == [6, 8, 5]
    points = np.linspace(-1.5, 1.5, 40)[:, None]
    for ask in (lambda s: s.u(points), lambda s: s.u.grad(points), lambda s: s.u.partial("x", "x", "x")(points)):
        assert ask(loaded).tobytes() == ask(saved).tobytes()
    mine, theirs = loaded.network, saved.network
    assert torch.equal(mine.scale, theirs.scale)
    assert torch.equal(mine.base.scale, theirs.base.scale)
    assert not any(weight.requires_grad for weight in mine.base.parameters())
    assert all(weight.requires_grad for weight in mine.correction.parameters())


def test_training_goes_on_from_a_file(saved, tmp_path):
    saved.save(tmp_path / "a.h5")
    loaded = sp.load(tmp_path / "a.h5", problem=saved.problem)
    stage = sp.SSBroyden(steps=5)
    again = sp.solve(saved.problem, network=loaded.network, optimizer=stage, points=50, progress=False)
    assert torch.equal(again.network.base.base.last.weight, saved.network.base.base.last.weight)
    assert not torch.equal(again.network.correction.last.weight, saved.network.correction.last.weight)


def test_a_sum_with_a_module_of_the_users_own_is_not_described():
    own = torch.nn.Linear(1, 1)
    assert network_settings(CorrectedNetwork(own, FIRST.build(1, 1), [1.0])) is None
    assert network_settings(CorrectedNetwork(FIRST.build(1, 1), own, [1.0])) is None


def declared(archive, parts):
    return dataclasses.replace(archive, settings=archive.settings | {"network": {"parts": parts}})


GOOD = {"width": 6, "depth": 1, "omega": 1, "first_omega": 2}
HOSTILE = {
    "no parts": ([], "the network is a sum of []; expected a list of 1 to 16 networks."),
    "too many": (
        [GOOD] * 17,
        f"the network is a sum of {str([GOOD] * 17)[:40]}; expected a list of 1 to 16 networks.",
    ),
    "text": ("all", "the network is a sum of all; expected a list of 1 to 16 networks."),
    "a sum in a sum": ([{"parts": [GOOD]}], "the file does not say how its network is built"),
    "a part without numbers": ([GOOD, {}], "the file does not say how its network is built"),
    "a number that is text": (
        [GOOD, GOOD | {"width": "8"}],
        "the network has width=8; expected an integer above 0, at most 65536.",
    ),
    "too large together": ([GOOD, GOOD | {"width": 65536, "depth": 256}], "the network declared, "),
    "one part less": ([GOOD, GOOD | {"width": 8}], "the weights do not fit the network that the file declares: "),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_parts_are_refused(case, archive, saved):
    parts, message = HOSTILE[case]
    with pytest.raises(sp.FileError) as caught:
        from_archive(declared(archive, parts), "a.h5", saved.problem)
    assert str(caught.value).startswith(f"a.h5: {message}")


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_a_scale_that_is_none_is_refused(value, archive, saved):
    weights = archive.weights | {"base.scale": np.array([value])}
    with refused(sp.FileError, "a.h5: the network holds numbers that are not finite, or an interval without length."):
        from_archive(dataclasses.replace(archive, weights=weights), "a.h5", saved.problem)
