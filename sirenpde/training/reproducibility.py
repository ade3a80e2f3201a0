"""Seeds, devices and number types: the same seed gives the same bits, and no global generator is touched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from sirenpde.errors import UsageError

#: The widest layer that is trained with one thread.
NARROW = 64

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def derived_seed(seed: int, purpose: str) -> int:
    """Return a seed of its own for one use, such as ``"weights"``: streams drawn for two uses never coincide."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:7], "little")


@contextmanager
def suitable_threads(width: int, device: torch.device) -> Iterator[None]:
    """Train a narrow network on the CPU with one thread, and restore the user's number afterwards.

    A layer of 64 neurons is too little work to share: a second thread gains next to nothing on a quiet machine, and
    on a busy one the two wait for each other at every operation, which was seen to cost a factor of ten.
    """
    before = torch.get_num_threads()
    if device.type == "cpu" and width <= NARROW:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def widest(network: nn.Module) -> int:
    """Return the largest side of any weight of a network: the width of its widest layer."""
    return max((max(weight.shape, default=1) for weight in network.parameters()), default=1)


def require_seed(seed: object) -> int:
    """Refuse a seed that is no integer from 0 to 2⁶³ − 1."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        msg = f"seed={seed!r}: expected an integer from 0 to 2**63 - 1."
        raise UsageError(msg)
    return seed


def require_device(device: object) -> torch.device:
    """Return the device that is meant; ``"auto"`` is a CUDA device where there is one, else the CPU.

    Raises:
        UsageError: If there is no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    available = ["cpu"] + [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    try:
        chosen = torch.device(device) if isinstance(device, str | torch.device) else None
    except RuntimeError:
        chosen = None
    if chosen is None or (str(chosen) not in available and not (str(chosen) == "cuda" and len(available) > 1)):
        msg = f"device={device!r} is not here; there is {', '.join(available)}. Leave it out to use the fastest."
        raise UsageError(msg)
    return chosen


def require_dtype(dtype: object) -> torch.dtype:
    """Return float32 or float64, given by name or as a torch dtype.

    Raises:
        UsageError: If it is neither: half precision has no place in sine layers.
    """
    if isinstance(dtype, str) and dtype in DTYPES:
        return DTYPES[dtype]
    if isinstance(dtype, torch.dtype) and dtype in DTYPES.values():
        return dtype
    msg = f'dtype={dtype!r}: expected "float32" or "float64". The argument of a sine loses its phase in half precision.'
    raise UsageError(msg)
