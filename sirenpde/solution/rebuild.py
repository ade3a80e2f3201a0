"""Rebuild what was trained from the numbers and text of a file, checking each before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sympy
import torch
from torch import Tensor, nn

from sirenpde.errors import FileError, ProblemError, SirenPDEError, UsageError, finite_number
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.correction import MOST_PARTS, CorrectedNetwork
from sirenpde.fields.hard import HardFunction
from sirenpde.fields.layout import Layout
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.fields.unknowns import Declared, UnknownNumbers
from sirenpde.fields.windows import MOST_WINDOWS, WindowedNetwork
from sirenpde.solution.archive import Archive
from sirenpde.solution.window_numbers import window_numbers
from sirenpde.statement.problem import Problem
from sirenpde.statement.symbolic.program import compile_hard
from sirenpde.statement.symbolic.tree import from_tree, to_tree
from sirenpde.statement.symbolic.vocabulary import Vocabulary

#: The largest network that is built from a file: its numbers come from outside.
_LARGEST = {"width": 65536, "depth": 256, "omega": 1e12, "first_omega": 1e12}

#: How many networks a file may add up, and how many windows it may have.
_MOST_PARTS = {"parts": MOST_PARTS, "windows": MOST_WINDOWS}

#: How many points a file may try its hard conditions on.
_MOST_TRIALS = 4096


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
        settings["hard"] = {name: _kept(name, formula, problem) for name, formula in problem.hard_formulas.items()}
        settings["hard_trial"] = problem.trial_points.tolist()
    return settings


def network_settings(network: nn.Module) -> dict[str, Any] | None:
    """Return how a network is built, as plain numbers; None where numbers do not say it, as of a user's own module."""
    if type(network) is SirenNetwork:  # a subclass could not be built again from these numbers
        return asdict(network.declaration)
    if type(network) is WindowedNetwork:
        each = [network_settings(own) if type(own) is SirenNetwork else None for own in network.networks]
        return None if None in each else {"windows": each}
    if type(network) is not CorrectedNetwork:
        return None
    base, last = network_settings(network.base), network_settings(network.correction)
    if base is None or last is None or "windows" in base or "width" not in last:
        return None
    return {"parts": [*base.get("parts", [base]), last]}


def _kept(name: str, formula: sympy.Basic | None, problem: Problem) -> list[Any] | None:
    """Return a hard formula as a tree that can be read back; None where files cannot keep it, which loses no run."""
    if formula is None:
        return None
    try:
        tree = to_tree(formula)
        _compiled(name, tree, problem.layout, frozenset(problem.unknowns), "its file")
    except SirenPDEError:  # such as Catalan's number, or a known that is a Python function
        return None
    return tree


def rebuilt(archive: Archive, layout: Layout, source: str, problem: Problem | None) -> Ansatz:
    """Return the network of a file with its hard conditions and unknown numbers."""
    network = _network(archive, layout, source)
    numbers = _numbers(archive, source)
    if problem is not None:
        if problem.layout != layout:
            msg = f"{source}: the file holds {_told(layout)}; {problem.where} has {_told(problem.layout)}."
            raise FileError(msg)
        return problem.ansatz(network, numbers)
    hard = _hard(archive, layout, source)
    if not hard:
        return Ansatz(network, layout, unknowns=numbers)
    # Tried as the problem tried them: on its own points, from the initial numbers. What it took is not refused here.
    first, trial = UnknownNumbers(_declared(archive, source, "initial")), _trial(archive, layout, source)
    try:
        ansatz = Ansatz(network, layout, hard, first, trial=trial, where=f'problem "{archive.problem}"')
    except SirenPDEError as error:
        msg = f"{source}: {error}"
        raise FileError(msg) from error
    ansatz.unknowns = numbers
    return ansatz


def _trial(archive: Archive, layout: Layout, source: str) -> Tensor:
    """Return the points ``(n, d)`` on which the problem tried its hard conditions."""
    stored, width = archive.settings.get("hard_trial"), len(layout.coordinates)
    rows = stored if isinstance(stored, list) and 3 <= len(stored) <= _MOST_TRIALS else []
    full = all(isinstance(row, list) and len(row) == width for row in rows)
    if not rows or not full or any(finite_number(number) is None for row in rows for number in row):
        msg = (
            f"{source}: the file does not say at which points its hard conditions were tried; expected rows of "
            f"{', '.join(layout.coordinates)}.\n  Give the problem that it belongs to: sp.load(path, problem=build())."
        )
        raise FileError(msg)
    return torch.tensor([[float(number) for number in row] for row in rows], dtype=torch.float64)


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
                f'{source}: the hard condition of "{name}" is a Python function, or a formula that files do not keep.\n'
                "  Give the problem that it belongs to: sp.load(path, problem=build())."
            )
            raise FileError(msg)
        found[name] = _compiled(name, tree, layout, names, source)
    return found


def _compiled(name: str, tree: object, layout: Layout, unknowns: frozenset[str], source: str) -> HardFunction:
    where = f'hard "{name}" in {source}'
    words = Vocabulary(where, layout.coordinates, {name: layout.trailing(name)}, unknowns=unknowns)
    return compile_hard(name, from_tree(tree, source), words)


def _numbers(archive: Archive, source: str) -> UnknownNumbers:
    """Return the unknown numbers as they were trained, bit for bit; by their values alone where a file has no more."""
    declared = _declared(archive, source)
    kept = {name: tuple(map(float, archive.parameters[name])) for name in declared if name in archive.parameters}
    declared |= {name: (start, *_bounds(archive.settings["unknowns"][name])) for name, (_, start) in kept.items()}
    try:
        numbers = UnknownNumbers(declared)
    except ProblemError as error:
        msg = f"{source}: {error}"
        raise FileError(msg) from error
    dtype = next((torch.from_numpy(array).dtype for array in archive.weights.values()), torch.float64)
    numbers.restore({name: raw for name, (raw, _) in kept.items()}, dtype)
    for name, number in numbers.numbers().items():
        size = max(abs(end) for end in (*declared[name], archive.unknowns[name]) if end is not None)
        if name in kept and not abs(number - archive.unknowns[name]) <= 16 * torch.finfo(dtype).eps * size:
            msg = (
                f"{source}: the unknown {name[:60]!r} has the value {archive.unknowns[name]!r}, and parameters that "
                f"give {number!r}."
            )
            raise FileError(msg)
    return numbers


def _bounds(stored: Mapping[str, Any]) -> tuple[float | None, float | None]:
    low, high = (None if stored[end] is None else float(stored[end]) for end in ("lower", "upper"))
    return low, high


def _declared(archive: Archive, source: str, key: str | None = None) -> dict[str, Declared]:
    """Return the unknown numbers with their bounds, at the values they reached or at those that a key names."""
    stored = archive.settings.get("unknowns", {})
    declared: dict[str, Declared] = {}
    for name, each in stored.items() if isinstance(stored, dict) else [("", stored)]:
        if not isinstance(each, dict) or not {"lower", "upper"} <= set(each) or name not in archive.unknowns:
            msg = f"{source}: the unknown {str(name)[:60]!r} has no value or no bounds."
            raise FileError(msg)
        reached = archive.unknowns[name]
        value = finite_number(reached if key is None else each.get(key, reached))
        low, high = (None if each[end] is None else finite_number(each[end]) for end in ("lower", "upper"))
        if value is None or (low is None) != (each["lower"] is None) or (high is None) != (each["upper"] is None):
            msg = f"{source}: the unknown {str(name)[:60]!r} is no finite number."
            raise FileError(msg)
        if low is not None and high is not None and (low >= high or finite_number(high - low) is None):
            msg = (
                f"{source}: the unknown {str(name)[:60]!r} has the bounds {low:g} and {high:g}, which hold no numbers."
            )
            raise FileError(msg)
        inside = (low is None or low < value) and (high is None or value < high)
        declared[str(name)] = (value, low, high) if inside else (value, None, None)  # rounded onto its bound
    return declared


def _periodic(archive: Archive, layout: Layout, source: str) -> tuple[int, ...]:
    names = archive.settings.get("periodic", [])
    if not isinstance(names, list) or not all(name in layout.coordinates for name in names):
        msg = f"{source}: the periodic coordinates are {str(names)[:60]}; expected some of the file's own."
        raise FileError(msg)
    return tuple(layout.coordinates.index(name) for name in names)


def _told(layout: Layout) -> str:
    return f"the fields {', '.join(layout.fields)} of {', '.join(layout.coordinates)}"


def _parts(archive: Archive, source: str) -> list[dict[str, Any]]:
    """Return the numbers of every network that the file holds, a sum or windows, checked one by one."""
    declared = archive.settings.get("network")
    kind = next((str(key) for key in declared), "") if isinstance(declared, dict) and len(declared) == 1 else ""
    parts: Any = declared[kind] if isinstance(declared, dict) and kind in _MOST_PARTS else [declared]
    if not isinstance(parts, list) or not 1 <= len(parts) <= _MOST_PARTS.get(kind, 1):
        what = "windows of" if kind == "windows" else "a sum of"
        msg = (
            f"{source}: the network is {what} {str(parts)[:40]}; expected a list of 1 to {_MOST_PARTS[kind]} networks."
        )
        raise FileError(msg)
    for numbers in parts:
        _check_numbers(numbers, source)
    held = sum(array.nbytes for array in archive.weights.values())
    layers = sum(numbers["depth"] + 2 for numbers in parts)
    size = sum(8 * numbers["depth"] * numbers["width"] ** 2 for numbers in parts)
    if size > 2 * held + 2**20 or (len(parts) > 1 and layers > len(archive.weights)):
        msg = f"{source}: the network declared, {str(declared)[:200]}, is larger than the weights in the file."
        raise FileError(msg)
    return parts


def _check_numbers(numbers: object, source: str) -> None:
    """Refuse what declares no network, or one beyond all bounds."""
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


def _network(archive: Archive, layout: Layout, source: str) -> nn.Module:
    """Build the network from checked numbers, and give it the weights of the file."""
    parts = _parts(archive, source)
    weights = {name: torch.from_numpy(array.copy()) for name, array in archive.weights.items()}
    try:
        network = _summed(parts, archive, layout, source)
        dtype = next(iter(weights.values())).dtype
        network.to(dtype).load_state_dict(weights)
    except (RuntimeError, StopIteration, TypeError, UsageError) as error:
        msg = f"{source}: the weights do not fit the network that the file declares: {_first_line(error)}"
        raise FileError(msg) from error
    state = network.state_dict()
    scales = [tensor for name, tensor in state.items() if name.split(".")[-1] == "scale"]
    if not all(torch.isfinite(each).all() for each in state.values()) or any((each <= 0).any() for each in scales):
        msg = f"{source}: the network holds numbers that are not finite, or an interval without length."
        raise FileError(msg)
    return network


def _summed(parts: list[dict[str, Any]], archive: Archive, layout: Layout, source: str) -> nn.Module:
    """Return the networks of a file without their weights: by windows, or the first corrected by the others in turn."""
    periodic, inputs = _periodic(archive, layout, source), len(layout.coordinates)
    networks = [SirenNetwork(Siren(**numbers), inputs, layout.outputs, periodic=periodic) for numbers in parts]
    if "windows" in archive.settings["network"]:
        return WindowedNetwork(
            networks, *window_numbers(archive.settings.get("windows"), len(networks), layout, source)
        )
    network: nn.Module = networks[0]
    for other in networks[1:]:
        network = CorrectedNetwork(network, other, torch.ones(layout.outputs, dtype=torch.float64))
    return network


def _first_line(error: Exception) -> str:
    text = str(error) if isinstance(error, SirenPDEError) else str(error).split("\n", maxsplit=1)[0]
    return text or type(error).__name__
