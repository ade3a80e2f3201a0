"""The example of the README runs as it stands, with fewer steps."""

import re
from pathlib import Path

import numpy as np
import torch

import sirenpde as sp

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_example_solves_saves_and_loads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example, function = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert "max_seconds=120" in example
    assert len(example.strip().splitlines()) <= 21
    names = {}
    exec(example.replace("max_seconds=120", "steps=3, points=200, progress=False"), names)
    places = {"x": np.linspace(-1, 1, 5), "t": 0.5}
    assert (sp.load("burgers.h5").u(**places) == names["solution"].u(**places)).all()

    exec(function, names)
    by_function = sp.Constraint("equation", on=names["domain"], residual=names["equation"])
    same = sp.Problem(name="burgers", fields="u", constraints=[by_function])
    ansatz = same.ansatz(sp.Siren(width=8, depth=1).build(2, 1, dtype=torch.float64))
    points = torch.rand(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values = [problem.traced[0].evaluate(ansatz, points, {}, [])[0] for problem in (same, names["problem"])]
    torch.testing.assert_close(*values, rtol=1e-12, atol=1e-12)
