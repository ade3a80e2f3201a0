"""Fixtures that tests ask for by name."""

import numpy as np
import pytest
import torch
from hypothesis import settings

# The gate tries the same examples each time: a red run means a change in the code, not luck. No deadline: shared cores.
settings.register_profile("gate", derandomize=True, deadline=None, database=None)
settings.load_profile("gate")


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded generator on the CPU; every random number of a test comes from it."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    """The same for NumPy."""
    return np.random.default_rng(0)


@pytest.fixture
def float64():
    """Make float64 the default for tensors that a test builds by hand; restored afterwards."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch.float64
    torch.set_default_dtype(before)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each device that a test has to hold on; the second only with ``-m gpu``."""
    return torch.device(request.param)
