"""What the package exports, what it lists and what docs/reference.md describes are the same names."""

import re
from pathlib import Path
from types import ModuleType

import sirenpde as sp

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
SPAN = re.compile(r"`(?:sp\.)?(?P<name>[A-Za-z_]\w*)(?:\([^`]*\))?`")  # `name`, `sp.name`, `sp.name(arguments)`


def undescribed(names: list[str], reference: str) -> set[str]:
    """The names that no code span of the reference is."""
    return set(names) - {match["name"] for match in SPAN.finditer(reference)}


def test_the_list_of_public_names_has_no_twins_and_is_sorted():
    assert sp.__all__ == sorted(set(sp.__all__))


def test_every_public_name_exists_and_is_listed():
    visible = {name for name in dir(sp) if name[0] != "_" and not isinstance(getattr(sp, name), ModuleType)}
    assert visible == {name for name in sp.__all__ if name[0] != "_"}
    assert all(hasattr(sp, name) for name in sp.__all__)


def test_every_public_name_is_described():
    assert undescribed(sp.__all__, REFERENCE.read_text(encoding="utf-8")) == set()


def test_every_name_that_is_described_exists():
    described = set(re.findall(r"`sp\.(\w+)", REFERENCE.read_text(encoding="utf-8")))
    assert {name for name in described if not hasattr(sp, name)} == set()


def test_a_missing_description_is_found():
    reference = "`sp.Box(x=(0, 1))`, `solve`, grad, `sp.Balls`"
    assert undescribed(["Box", "solve", "grad", "Ball"], reference) == {"grad", "Ball"}
