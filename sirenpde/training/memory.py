"""How much memory is free."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from sirenpde.errors import ResourceError

#: The part of the free memory that the matrices of an optimizer may take.
SHARE = 0.8

#: What is assumed where the system does not say.
UNKNOWN = 4 * 2**30


def free_memory(device: torch.device) -> int:
    """Return the bytes that could be allocated on a device without swapping; 4 GiB where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return UNKNOWN


def require_memory(method: str, needed: int, formula: str, device: torch.device, instead: str) -> None:
    """Refuse a dense method whose matrices do not fit.

    Args:
        method: The optimizer.
        needed: Bytes.
        formula: What they are, in words.
        device: Where they would live.
        instead: What to write.

    Raises:
        ResourceError: If they would take more than 80 % of the free memory.
    """
    free = free_memory(device)
    if needed > SHARE * free:
        msg = (
            f"{method} keeps {formula}: {needed:,} bytes; {free:,} are free.\n  Write {instead}, or a smaller network."
        )
        raise ResourceError(msg)
