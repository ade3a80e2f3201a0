"""What a result was made with: versions, device, threads."""

from __future__ import annotations

import importlib.metadata
import os
import platform

import h5py
import torch

_PACKAGES = ("sirenpde", "torch", "numpy", "scipy", "scikit-image", "pillow", "sympy", "h5py", "matplotlib")


def provenance(device: torch.device, dtype: torch.dtype) -> dict[str, str]:
    """Return the versions and the machine's facts that a result depends on, as text."""
    found = {name: _version(name) for name in _PACKAGES}
    return found | {
        "python": platform.python_version(),
        "hdf5": h5py.version.hdf5_version,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "device_kind": str(device),
        "dtype": str(dtype).removeprefix("torch."),
        "threads": str(torch.get_num_threads()),
        "cores": str(os.cpu_count() or 0),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
