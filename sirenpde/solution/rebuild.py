"""Rebuild what was trained from the numbers and text of a file, checking each before it is used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from sirenpde.errors import FileError, SirenPDEError, UsageError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.hard import HardFunction
from sirenpde.fields.layout import Layout
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.fields.unknowns import Declared, UnknownNumbers
from sirenpde.solution.archive import Archive
from sirenpde.statement.problem import Problem
from sirenpde.statement.symbolic.program import compile_hard
from sirenpde.statement.symbolic.tree import from_tree, to_tree
from sirenpde.statement.symbolic.vocabulary import Vocabulary

#: The largest network that is built from a file: its numbers come from outside.
_LARGEST = {"width": 65536, "depth": 256, "omega": 1e12, "first_omega": 1e12}


def described(problem: Problem) -> dict[str, Any]:
    """Return what a file must say besides the network's sizes and weights: the counterpart of ``rebuilt``."""
    settings: dict[str, Any] = {}
    if problem.periodic:
        settings["periodic"] = list(problem.periodic)
    if problem.unknowns:
        settings["unknowns"] = {
            name: {"initial": each.initial, "lower": each.lower, "upper": each.upper}
            for name, each in problem.unknowns.items()
        }
    if problem.hard:
        # A Python function is no data: the file says that there is one, and loading asks for the problem.
        settings["hard"] = {
            name: None if formula is None else to_tree(formula) for name, formula in problem.hard_formulas.items()
        }
    return settings


def rebuilt(archive: Archive, layout: Layout, source: str, problem: Problem | None) -> Ansatz:
    """Return the network of a file with its hard conditions and unknown numbers."""
    network = _network(archive, layout, source)
    numbers = _unknowns(archive, source)
    if problem is not None:
        if problem.layout != layout:
            msg = f"{source}: the file holds {_told(layout)}; {problem.where} has {_told(problem.layout)}."
            raise FileError(msg)
        return problem.ansatz(network, numbers)
    hard = _hard(archive, layout, source)
    middle, half = network.center.double(), network.scale.double()
    steps = torch.linspace(-0.9, 0.8, 8, dtype=torch.float64)[:, None]
    return Ansatz(network, layout, hard, numbers, trial=middle + steps * half, where=f'problem "{archive.problem}"')


def _hard(archive: Archive, layout: Layout, source: str) -> Mapping[str, HardFunction]:
    found: dict[str, HardFunction] = {}
    stored = archive.settings.get("hard", {})
    if not isinstance(stored, dict):
        msg = f"{source}: the hard conditions in the file are {str(stored)[:60]}; expected one per field."
        raise FileError(msg)
    names = frozenset(archive.settings.get("unknowns", {}))
    for name, tree in stored.items():
        if name not in layout.fields:
            msg = f"{source}: the file has a hard condition for {str(name)[:60]!r}, which is none of its fields."
            raise FileError(msg)
        if tree is None:
            msg = (
                f'{source}: the hard condition of "{name}" is a Python function, which files do not keep.\n  Give the '
                "problem that it belongs to: sp.load(path, problem=build())."
            )
            raise FileError(msg)
        words = Vocabulary(
            f'hard "{name}" in {source}', layout.coordinates, {name: layout.trailing(name)}, unknowns=names
        )
        found[name] = compile_hard(name, from_tree(tree, source), words)
    return found


def _unknowns(archive: Archive, source: str) -> UnknownNumbers:
    """Return the unknown numbers as the file has them."""
    stored = archive.settings.get("unknowns", {})
    declared: dict[str, Declared] = {}
    for name, each in stored.items() if isinstance(stored, dict) else [("", stored)]:
        if not isinstance(each, dict) or not {"lower", "upper"} <= set(each) or name not in archive.unknowns:
            msg = f"{source}: the unknown {str(name)[:60]!r} has no value or no bounds."
            raise FileError(msg)
        low, value, high = each["lower"], float(archive.unknowns[name]), each["upper"]
        real = [number for number in (low, value, high) if number is not None]
        if any(
            isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number)
            for number in real
        ):
            msg = f"{source}: the unknown {str(name)[:60]!r} is no finite number."
            raise FileError(msg)
        inside = (low is None or low < value) and (high is None or value < high)
        declared[str(name)] = (value, low, high) if inside else (value, None, None)
    return UnknownNumbers(declared)


def _periodic(archive: Archive, layout: Layout, source: str) -> tuple[int, ...]:
    names = archive.settings.get("periodic", [])
    if not isinstance(names, list) or not all(name in layout.coordinates for name in names):
        msg = f"{source}: the periodic coordinates are {str(names)[:60]}; expected some of the file's own."
        raise FileError(msg)
    return tuple(layout.coordinates.index(name) for name in names)


def _told(layout: Layout) -> str:
    return f"the fields {', '.join(layout.fields)} of {', '.join(layout.coordinates)}"


def _network(archive: Archive, layout: Layout, source: str) -> SirenNetwork:
    """Build the network from checked numbers, and give it the weights of the file."""
    numbers = archive.settings.get("network")
    if not isinstance(numbers, dict) or set(numbers) != set(_LARGEST):
        msg = (
            f"{source}: the file does not say how its network is built, as for a module of your own.\n"
            "  Its values on the grid can be read with h5py or xarray; to evaluate elsewhere, use the module that you "
            "gave to solve."
        )
        raise FileError(msg)
    for name, most in _LARGEST.items():
        kinds = int if isinstance(most, int) else (int, float)
        if isinstance(numbers[name], bool) or not isinstance(numbers[name], kinds) or not 0 < numbers[name] <= most:
            what = "an integer" if kinds is int else "a number"
            got = str(numbers[name])[:40]
            msg = f"{source}: the network has {name}={got}; expected {what} above 0, at most {most:g}."
            raise FileError(msg)
    weights = {name: torch.from_numpy(array.copy()) for name, array in archive.weights.items()}
    held = sum(array.nbytes for array in archive.weights.values())
    if 8 * numbers["depth"] * numbers["width"] ** 2 > 2 * held + 2**20:
        msg = f"{source}: the network declared, {numbers}, is larger than the weights in the file."
        raise FileError(msg)
    try:
        periodic = _periodic(archive, layout, source)
        network = SirenNetwork(Siren(**numbers), len(layout.coordinates), layout.outputs, periodic=periodic)
        dtype = next(iter(weights.values())).dtype
        network.to(dtype).load_state_dict(weights)
    except (RuntimeError, StopIteration, TypeError, UsageError) as error:
        msg = f"{source}: the weights do not fit the network that the file declares: {_first_line(error)}"
        raise FileError(msg) from error
    if not all(torch.isfinite(tensor).all() for tensor in network.state_dict().values()) or (network.scale <= 0).any():
        msg = f"{source}: the network holds numbers that are not finite, or an interval without length."
        raise FileError(msg)
    return network


def _first_line(error: Exception) -> str:
    text = str(error) if isinstance(error, SirenPDEError) else str(error).split("\n", maxsplit=1)[0]
    return text or type(error).__name__
