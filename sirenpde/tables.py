"""What the command shows: tables of a summary, of what a run will do, and of what it reached.

Every table folds its cells to the width there is, so that it can be read at 80 columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

# What needs torch is named for types alone.
if TYPE_CHECKING:
    from sirenpde.solution.archive import Archive
    from sirenpde.summary import Condition, Summary

_RIGHT = frozenset({"value", "measure", "weight", "points", "F per point", "F per step"})

#: Characters of a formula that are shown; an exact solution can have thousands.
_LONGEST = 200

#: What the score table says of a number: the beginning or the end of its name, and the words.
_NOTES = {
    "residual_": "root mean square of the residual",
    "_between_max_error": "largest seen, between the points",
    "_max_error": "largest seen",
    "classical_psnr": "classical solution of the same data",
}


def table(*columns: str) -> Table:
    """Return an empty table."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in _RIGHT else "left")
    return made


def problems(titles: Mapping[str, str]) -> Table:
    """Return the shipped problems and their titles."""
    made = table("problem", "what it is")
    for name, title in titles.items():
        made.add_row(name, Text(title))
    return made


def parameters(found: Mapping[str, Parameter]) -> Table:
    """Return what ``--set`` can set."""
    made = table("--set", "default")
    for name, parameter in found.items():
        made.add_row(name, "required" if parameter.default is parameter.empty else repr(parameter.default))
    return made


def recipe(auto: Mapping[str, Any], own: Mapping[str, Any], reasons: Mapping[str, str]) -> Table:
    """Return the arguments of ``solve``, those of the file before those chosen by it, with the reasons for these."""
    made = table("recipe", "setting", "")
    for name, value in {**auto, **own}.items():
        chosen = f"auto: {reasons[name]}" if name in reasons else "auto"
        made.add_row(name, Text(repr(value)), "from the file" if name in own else chosen)
    return made


def scores(archive: Archive) -> Table:
    """Return the measured numbers, and what the run took."""
    made = table("score", "value", "unit", "")
    for name, value in archive.verification.items():
        made.add_row(name, f"{value:.5g}", "dB" if name.endswith(("psnr", "snr")) else "", _note(archive, name))
    for name, value in archive.unknowns.items():
        made.add_row(name, f"{value:.5g}", "", _declared(archive, name))
    seconds = list(archive.history.get("seconds", []))
    made.add_row("steps", str(len(seconds)), "", "")
    made.add_row("training", f"{seconds[-1]:.1f}" if seconds else "0", "s", "")
    return made


def _note(archive: Archive, name: str) -> str:
    """Return what a score is, in words."""
    if name.removeprefix("residual_") in archive.settings.get("integrals", ()):
        return "mean of the residual over the region"
    return next((words for part, words in _NOTES.items() if name.startswith(part) or name.endswith(part)), "")


def _declared(archive: Archive, name: str) -> str:
    """Return how an unknown number was declared."""
    limits = archive.settings.get("unknowns", {}).get(name)
    return f"unknown number, {_bounds(**limits)}" if limits else "unknown number"


def checked(summary: Summary) -> Group:
    """Return everything about a problem that was checked: what is stated, where, and what it costs."""
    names = table("name", "what", "how it is given")
    for row in _names(summary):
        names.add_row(*(Text(_short(cell)) for cell in row))
    return apart(names, regions(summary), residuals(summary), evaluation(summary))


def apart(*tables: Table) -> Group:
    """Return tables with a blank line after each."""
    return Group(*(part for each in tables for part in (each, Text())))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text)} characters)"


def _names(summary: Summary) -> Iterator[tuple[str, str, str]]:
    for name, (low, high) in summary.coordinates.items():
        yield name, "coordinate", f"{low:g} to {high:g}" + (", periodic, exactly" if name in summary.periodic else "")
    for name, count in summary.fields.items():
        kind = "field" if count == 1 else f"field, {count} components"
        yield name, f"{kind}, hard" if name in summary.hard else kind, summary.hard.get(name, "the network")
    for name, words in summary.knowns.items():
        yield name, "known", words
    for name, unknown in summary.unknowns.items():
        yield name, "unknown number", _bounds(unknown.initial, unknown.lower, unknown.upper)
    for name, words in summary.exact.items():
        yield name, "exact, to score", words


def _bounds(initial: float, lower: float | None, upper: float | None) -> str:
    text = f"from {initial:g}"
    if lower is not None:
        text += f", above {lower:g}"
    return text if upper is None else f"{text}, below {upper:g}"


def regions(summary: Summary) -> Table:
    """Return where each constraint holds."""
    made = table("constraint", "region", "measure")
    for each in summary.conditions:
        error = f" ± {each.measure_error:.1g}" if each.measure_error else ""
        made.add_row(each.name, Text(each.region), f"{each.measure:.6g}{error}")
    return made


def residuals(summary: Summary) -> Table:
    """Return what must vanish, and the derivatives that it needs."""
    made = table("constraint", "must vanish", "needs")
    for each in summary.conditions:
        made.add_row(each.name, Text("\n".join(map(_short, each.formulas))), Text("\n".join(_needs(each))))
    return made


def _needs(condition: Condition) -> Iterator[str]:
    yield ", ".join(condition.derivatives)
    if condition.displaced:
        yield f"displaced: {', '.join(condition.displaced)}"
    if condition.expressions:
        yield "derivatives of expressions"


def evaluation(summary: Summary) -> Table:
    """Return how each constraint is evaluated; F is the work of one evaluation of the network at a point."""
    made = table("constraint", "weight", "derivatives by", "F per point", "points", "F per step")
    for each in summary.conditions:
        weight = f"{each.weight:g}" if each.penalty == "squared" else f"{each.weight:g}, {each.penalty}"
        cost = "not known" if each.cost is None else f"{each.cost:g}"
        made.add_row(each.name, weight, ", ".join(each.ways), cost, str(each.points), _work(each.work))
    if len(summary.conditions) > 1:
        made.add_row("together", "", "", "", str(sum(each.points for each in summary.conditions)), _work(summary.work))
    return made


def _work(work: float | None) -> str:
    return "not known" if work is None else f"{work:,.0f}"
