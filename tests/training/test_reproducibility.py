"""Seeds, devices and number types."""

import pytest
import torch
from small import refused

import sirenpde as sp
from sirenpde.training.reproducibility import derived_seed, require_device, require_dtype, require_seed


def test_seeds_derived_for_two_uses_or_of_two_seeds_differ():
    purposes = ("weights", "points/a", "points/b", "held out/a")
    seeds = {derived_seed(seed, purpose) for seed in range(50) for purpose in purposes}
    assert len(seeds) == 200
    assert all(0 <= seed < 2**56 for seed in seeds)


def test_derived_seeds_are_the_same_in_every_process():
    # Golden numbers: Python's own hash of text changes with the process.
    assert derived_seed(0, "weights") == 30898493047026691
    assert derived_seed(7, "points/walls") == 69833708736626531


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_a_seed_is_an_integer_in_range(seed):
    assert require_seed(seed) == seed


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64, 1.0, True, "0", None])
def test_other_seeds_are_refused(seed):
    with refused(sp.UsageError, f"seed={seed!r}: expected an integer from 0 to 2**63 - 1."):
        require_seed(seed)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_the_processor_is_a_device(device):
    assert require_device(device) == torch.device("cpu")


def test_auto_is_the_fastest_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert require_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert require_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:7", "cuda", "meta", "", 0, None, torch.device("meta")])
def test_a_device_that_is_not_here_is_refused(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    message = f"device={device!r} is not here; there is cpu. Leave it out to use the fastest."
    with refused(sp.UsageError, message):
        require_device(device)


def test_devices_are_listed_where_there_are_several(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert require_device("cuda:1") == torch.device("cuda:1")
    assert require_device("cuda") == torch.device("cuda")
    message = "device='cuda:2' is not here; there is cpu, cuda:0, cuda:1. Leave it out to use the fastest."
    with refused(sp.UsageError, message):
        require_device("cuda:2")


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("float32", torch.float32),
        ("float64", torch.float64),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_two_number_types_are_accepted(dtype, expected):
    assert require_dtype(dtype) is expected


@pytest.mark.parametrize("dtype", ["float16", torch.float16, torch.bfloat16, torch.int64, "double", float, None, []])
def test_other_number_types_are_refused(dtype):
    message = (
        f'dtype={dtype!r}: expected "float32" or "float64". The argument of a sine loses its phase in half precision.'
    )
    with refused(sp.UsageError, message):
        require_dtype(dtype)
