"""What holds for every test and every doctest: no display, one thread, no littering, no change of global state."""

import math
import os
from collections.abc import Iterator

import numpy as np
import pytest
import sympy
import torch

os.environ["MPLBACKEND"] = "Agg"  # read when matplotlib is imported, in child processes too


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Give each worker one thread, so that two workers on two cores do not fight, and sums have one order."""
    torch.set_num_threads(1)


def _global_state() -> dict[str, object]:
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "number of threads": torch.get_num_threads(),
        "gradients enabled": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "NumPy's error handling": np.geterr(),
        "working directory": os.getcwd(),
    }


@pytest.fixture(autouse=True)
def global_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves torch, NumPy or the process in another state than it found (docs/decisions/0006)."""
    before = _global_state()
    yield
    monkeypatch.undo()  # a test may change what it likes through its monkeypatch
    after = _global_state()
    torch.set_default_dtype(before["default dtype"])  # type: ignore[arg-type]
    os.chdir(str(before["working directory"]))
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    if changed:
        pytest.fail(f"global state was left changed (before, after): {changed}")


@pytest.fixture(autouse=True)
def doctest_names(request: pytest.FixtureRequest) -> None:
    """Let doctests use sp, np, torch, math and sympy without importing them, in a folder of their own."""
    request.getfixturevalue("global_state")  # first, or its picture of the working directory would be ours
    if isinstance(request.node, pytest.DoctestItem):
        import sirenpde as sp

        names = request.getfixturevalue("doctest_namespace")
        names.update(sp=sp, np=np, torch=torch, math=math, sympy=sympy)
        request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
