"""What SECURITY.md promises, held in the sources: no pickle, no evaluated text, file readers only behind their guards.

The sources are parsed, not searched: `import torch as t; t.load` and `from torch import load` are the same call.
"""

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Banned names, with the only files that may use them. A module's name bans all that is below it.
BANNED_EVERYWHERE = (
    "pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "yaml", "ruamel",
    "torch.load", "torch.save", "torch.hub", "torch.package", "torch.jit.load", "torch.serialization",
    "builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__",
    "os.system", "os.popen", "pty", "tempfile.mktemp",
    "urllib", "requests", "httpx", "aiohttp", "http", "ftplib", "smtplib", "xmlrpc", "webbrowser",
    "code", "codeop",
)  # fmt: skip
BANNED_OUTSIDE = {
    "socket": "sirenpde/training/processes.py",  # processes of one training talk to each other
    "runpy": "sirenpde/library.py",  # a problem file is a program
    "h5py.File": "sirenpde/solution/hdf5.py",
    "h5py.h5f": "sirenpde/solution/hdf5.py",
    "PIL.Image.open": "sirenpde/statement/media.py",
    "scipy.io.wavfile": "sirenpde/statement/media.py",
    "wave": "sirenpde/statement/media.py",
}
# Banned wherever they come from: a method's owner cannot be known from the source.
BANNED_NAMES = ("lambdify", "parse_expr", "srepr", "visititems", "extractall", "imread", "mktemp")


def origins(tree: ast.Module) -> dict[str, str]:
    """What each name stands for, builtin or imported: `import numpy as np` gives np -> numpy."""
    found = {name: f"builtins.{name}" for name in dir(builtins)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """The full name that an expression stands for, `getattr(torch, "load")` included; "" where there is none."""
    if isinstance(node, ast.Name):
        return names.get(node.id, f"?.{node.id}")
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, names) or '?'}.{node.attr}"
    if isinstance(node, ast.Call) and dotted(node.func, names) == "builtins.getattr" and len(node.args) > 1:
        key = node.args[1]
        return f"{dotted(node.args[0], names) or '?'}.{key.value}" if isinstance(key, ast.Constant) else ""
    return ""


def annotations(tree: ast.Module) -> set[int]:
    """The ids of the nodes inside annotations: naming a type opens nothing."""
    roots = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            roots.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            roots.append(node.annotation)
    return {id(inner) for root in roots if root for inner in ast.walk(root)}


def names_used(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every full name that a file imports or uses outside annotations, with its line."""
    names = origins(tree)
    quiet = annotations(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names if not node.level)
        elif isinstance(node, ast.Name | ast.Attribute | ast.Call) and id(node) not in quiet and dotted(node, names):
            yield dotted(node, names), node.lineno


def banned_name(name: str, place: str) -> str | None:
    """The rule that a full name breaks in a file, or None."""
    for rule in (*BANNED_EVERYWHERE, *(rule for rule, allowed in BANNED_OUTSIDE.items() if allowed != place)):
        if name == rule or name.startswith(f"{rule}."):
            return rule
    last = name.rpartition(".")[2]
    return last if last in BANNED_NAMES else None


def keyword(call: ast.Call, name: str) -> object:
    """The constant that a call passes by that name; ... where it is passed but is no constant; None if it is not."""
    for item in call.keywords:
        if item.arg == name:
            return item.value.value if isinstance(item.value, ast.Constant) else ...
    return None


def banned_call(call: ast.Call, names: dict[str, str]) -> str | None:
    """The rule that the arguments of a call break, or None."""
    name = dotted(call.func, names)
    if name == "sympy.S":  # S.One is a constant, S(x) is sympify(x)
        return "sympy.S, called"
    if name.rpartition(".")[2] == "sympify" and keyword(call, "strict") is not True:
        return "sympify without strict=True"
    for option in ("allow_pickle", "shell"):
        if keyword(call, option) not in {None, False}:
            return f"{option}=True"
    return None


def banned_statement(node: ast.AST, place: str) -> str | None:
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        return "a bare except"
    if isinstance(node, ast.Assert) and place.startswith("sirenpde/"):
        return "assert (python -O removes it: raise an error)"
    return None


def bans_broken(source: str, place: str) -> list[str]:
    """What a file may not contain and does, one sentence each.

    Args:
        source: The text of the file.
        place: Its path from the root of the repository, with slashes.
    """
    tree = ast.parse(source)
    names = origins(tree)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = {(line, rule) for name, line in names_used(tree) if (rule := banned_name(name, place))}
    for node in ast.walk(tree):
        rule = banned_statement(node, place)
        if isinstance(node, ast.Call):
            rule = banned_call(node, names)
        elif isinstance(node, ast.Name | ast.Attribute) and id(node) not in called:
            rule = "sympify, handed on" if dotted(node, names).rpartition(".")[2] == "sympify" else None
        if rule:
            found.add((node.lineno, rule))
    return [f"{place}:{line}: {rule}" for line, rule in sorted(found)]


def test_the_sources_keep_to_the_bans():
    files = [*sorted((ROOT / "sirenpde").rglob("*.py")), *sorted((ROOT / "problems").rglob("*.py"))]
    places = {file: file.relative_to(ROOT).as_posix() for file in files}
    assert "sirenpde/errors.py" in places.values()
    assert [line for file in files for line in bans_broken(file.read_text(encoding="utf-8"), places[file])] == []


@pytest.mark.parametrize("place", [*BANNED_OUTSIDE.values()])
def test_the_excepted_files_use_their_exception(place):
    allowed = {rule for rule, file in BANNED_OUTSIDE.items() if file == place}
    file = ROOT / place
    if file.exists():  # an exception for a file that does not need it would be a hole
        used = names_used(ast.parse(file.read_text(encoding="utf-8")))
        assert any(name == rule or name.startswith(f"{rule}.") for name, _ in used for rule in allowed)


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import pickle", "pickle"),
        ("from pickle import loads", "pickle"),
        ("def f():\n    import marshal", "marshal"),
        ("import joblib as j", "joblib"),
        ("import yaml", "yaml"),
        ("import torch as t\nt.load('f')", "torch.load"),
        ("from torch import save as keep", "torch.save"),
        ("import torch\ngetattr(torch, 'load')('f')", "torch.load"),
        ("eval('1')", "builtins.eval"),
        ("f = exec", "builtins.exec"),
        ("import builtins as b\nb.eval('1')", "builtins.eval"),
        ("compile('1', 'f', 'eval')", "builtins.compile"),
        ("__import__('os')", "builtins.__import__"),
        ("import os\nos.system('ls')", "os.system"),
        ("from tempfile import mktemp", "tempfile.mktemp"),
        ("import urllib.request", "urllib"),
        ("from urllib.request import urlopen", "urllib"),
        ("import requests", "requests"),
        ("import socket", "socket"),
        ("import runpy", "runpy"),
        ("import h5py\nh5py.File('f')", "h5py.File"),
        ("import h5py\nf: h5py.File = h5py.File('f')", "h5py.File"),
        ("from h5py import File as F", "h5py.File"),
        ("from PIL import Image\nImage.open('f')", "PIL.Image.open"),
        ("import PIL.Image as I\nI.open('f')", "PIL.Image.open"),
        ("from scipy.io import wavfile", "scipy.io.wavfile"),
        ("import scipy.io\nscipy.io.wavfile.read('f')", "scipy.io.wavfile"),
        ("import skimage.io\nskimage.io.imread('f')", "imread"),
        ("import sympy\nsympy.lambdify(x, y)", "lambdify"),
        ("from sympy import srepr", "srepr"),
        ("from sympy.parsing.sympy_parser import parse_expr", "parse_expr"),
        ("import sympy\nsympy.sympify(x)", "sympify without strict=True"),
        ("from sympy import sympify as s\ns(x, strict=False)", "sympify without strict=True"),
        ("from sympy import sympify\nmap(sympify, xs)", "sympify, handed on"),
        ("from sympy import S\nS(x)", "sympy.S, called"),
        ("f.visititems(g)", "visititems"),
        ("open_it().visititems(g)", "visititems"),
        ("archive.extractall()", "extractall"),
        ("import numpy as np\nnp.load('f', allow_pickle=True)", "allow_pickle=True"),
        ("import numpy as np\nnp.load('f', allow_pickle=flag)", "allow_pickle=True"),
        ("import subprocess\nsubprocess.run('ls', shell=True)", "shell=True"),
        ("try:\n    f()\nexcept:\n    pass", "a bare except"),
        ("assert x > 0", "assert (python -O removes it: raise an error)"),
    ],
)
def test_each_ban_is_caught(source, rule):
    assert rule in {sentence.split(": ", 1)[1] for sentence in bans_broken(source, "sirenpde/anywhere.py")}


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("import re\nre.compile('x')\nmodel.eval()\nimport torch\ntorch.compile(f)", "sirenpde/anywhere.py"),
        ("import sympy\nsympy.sympify(x, strict=True)\nsympy.S.One", "sirenpde/anywhere.py"),
        ("import numpy as np\nnp.load('f', allow_pickle=False)", "sirenpde/anywhere.py"),
        ("import h5py\nx: h5py.File\nsolution.load('f')", "sirenpde/anywhere.py"),
        ("import h5py\ndef f(x: h5py.File) -> h5py.File: ...", "sirenpde/anywhere.py"),
        ("code = 1\ncode.bit_length()\nrequests = []\nrequests.append(code)", "sirenpde/anywhere.py"),
        ("from . import pickle_free\nfrom .code import table", "sirenpde/anywhere.py"),
        ("'''eval, exec and pickle in words'''  # import pickle", "sirenpde/anywhere.py"),
        ("import h5py\nh5py.File('f')", "sirenpde/solution/hdf5.py"),
        ("from PIL import Image\nImage.open('f')\nfrom scipy.io import wavfile", "sirenpde/statement/media.py"),
        ("import runpy\nrunpy.run_path('f')", "sirenpde/library.py"),
        ("assert x > 0", "problems/heat.py"),
    ],
)
def test_what_is_allowed_passes(source, place):
    assert bans_broken(source, place) == []
