"""The command: its exit codes, what it writes, what it says, and how it stops."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from sirenpde import cli
from sirenpde.solution.score import score
from sirenpde.solution.solution import load

TINY = '''"""Fit a line.

    u(x) = s x
"""
import sirenpde as sp
from matplotlib.figure import Figure

RECIPE = {"network": sp.Siren(width=8, depth=1), "points": 16}


def build(slope: float = 1.0, count: int = 3, flag: bool = False, path=None, mode: str | None = None):
    print("build", repr(slope), repr(count), repr(flag), repr(path), repr(mode))
    constraint = sp.Constraint("line", on=sp.Box(x=(0, 1)), residual=lambda a, phi: phi.u - slope * a.x)
    return sp.Problem(name="tiny", fields="u", constraints=[constraint], exact={"u": lambda a: slope * a.x})
'''

HEAD = "import sirenpde as sp\nRECIPE = {'network': sp.Siren(width=8, depth=1), 'points': 16}\n"

SOUND = HEAD + (
    "import numpy as np\n"
    "def build():\n"
    "    wave = sp.Waveform.from_samples(0.5 * np.sin(np.arange(800) / 5), rate=8000)\n"
    "    fit = sp.Constraint('samples', on=wave.grid, residual=lambda a, phi: phi.u - a.f)\n"
    "    return sp.Problem(name='tone', fields='u', given={'f': wave}, constraints=[fit], exact={'u': wave})\n"
)


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run the command in this process, in an empty folder; return its exit code, output and error output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        code = ended.value.code
        return (0 if code is None else int(code)), told.out, told.err

    return run


@pytest.fixture
def problem(tmp_path):
    """Write a problem file."""

    def write(text: str = TINY, name: str = "tiny.py") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def test_alone_it_shows_help(call):
    code, out, _ = call()
    assert code == 0
    assert all(command in out for command in ("list", "show", "run", "plot", "export"))


def test_version(call):
    code, out, _ = call("--version")
    assert (code, out.startswith("sirenpde")) == (0, True)


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"], ["plot", "no.h5"]], ids=" ".join)
def test_what_computes_nothing_imports_no_torch(tmp_path, arguments):
    source = (
        f"import atexit, os, sys; sys.path.insert(0, {str(Path(cli.__file__).parents[1])!r})\n"
        "atexit.register(lambda: print('torch' in sys.modules, os.environ['GOMP_SPINCOUNT']))\n"
        f"from sirenpde import cli; cli.main({arguments!r})"
    )
    environment = {
        name: value for name, value in os.environ.items() if name not in {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
    }
    command = [sys.executable, "-c", source]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines()[-1] == "False 2000", ended.stderr


@pytest.mark.parametrize(("name", "value"), [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "active")])
def test_what_the_user_says_of_threads_holds(monkeypatch, name, value):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv(name, value)
    cli._calm_openmp()
    assert os.environ.get("GOMP_SPINCOUNT") == ("7" if name == "GOMP_SPINCOUNT" else None)


def test_help_says_what_can_be_set(call):
    code, out, _ = call("run", "--help")
    assert code == 0
    assert "a number, true or" in out
    assert "sirenpde show lists the parameters" in " ".join(out.replace("│", " ").split())


def test_list_names_every_shipped_problem(call):
    code, out, err = call("list")
    assert (code, err) == (0, "")
    assert all(name in out for name in cli.library.shipped())
    assert "\x1b" not in out


def test_show_tells_the_formula_what_can_be_set_and_the_way(call, problem):
    code, out, err = call("show", problem())
    assert code == 0
    assert "u(x) = s x" in out
    assert "slope" in out
    assert "Box(x=(0, 1))" in out
    assert "values" in out
    assert "3 F" in out
    assert "running" in err
    assert "as a program" in err


def test_run_writes_everything_and_its_summary_agrees(call, problem, tmp_path):
    code, out, err = call("run", problem(), "--steps", 3, "--seed", 5, "--set", "slope=2.5")
    assert code == 0
    folder = tmp_path / "runs" / "tiny"
    written = {"solution.h5", "u.png", "history.png", "summary.json"}
    assert {path.name for path in folder.iterdir()} == written
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert (summary["name"], summary["status"], summary["steps"]) == ("tiny", "budget_spent", 3)
    assert set(summary["files"]) == written
    assert summary["settings"]["seed"] == 5
    assert summary["seconds"] > 0
    assert "torch" in summary["provenance"]
    solution = load(folder / "solution.h5")
    assert solution.score == summary["score"]
    np.testing.assert_array_equal(solution.u(x=np.array([0.5])), load(folder / "solution.h5").u(x=np.array([0.5])))
    assert "budget_spent" in out
    assert "\x1b" not in out + err


def test_run_says_what_it_will_do_and_what_it_did(call, problem):
    _, _, err = call("run", problem(), "--steps", 3)
    assert "Solving tiny: up to 3 steps. Ctrl-C ends the run and saves what there is." in err
    assert "\n3 of 3 steps in " in err
    text = TINY + "RECIPE |= {'optimizer': [sp.Adam(steps=4), sp.Adam(steps=5)], 'max_seconds': 1e-9}\n"
    _, _, err = call("run", problem(text), "--out", "again")
    assert "up to 9 steps" in err
    assert "\n1 of 9 steps in " in err


def test_pictures_of_a_run_are_not_blank_and_plot_draws_the_same(call, problem, tmp_path):
    out = tmp_path / "Größe mit Raum"
    assert call("run", problem(), "--steps", 2, "--out", out)[0] == 0
    before = {path.name: path.read_bytes() for path in out.glob("*.png")}
    for name in before:
        with Image.open(out / name) as image:
            assert np.asarray(image.convert("L"), dtype=float).std() > 5
    assert call("plot", out / "solution.h5")[0] == 0
    assert {path.name: path.read_bytes() for path in out.glob("*.png")} == before


def test_a_sound_can_be_played(call, problem, tmp_path):
    assert call("run", problem(SOUND), "--steps", 2)[0] == 0
    for name, peak in (("fit.wav", None), ("target.wav", 0.5)):
        rate, samples = wavfile.read(tmp_path / "runs" / "tiny" / name)
        assert (rate, samples.shape, samples.dtype) == (8000, (800,), np.int16)
        assert peak is None or abs(np.abs(samples).max() / 32768 - peak) < 1e-3
    assert call("export", tmp_path / "runs" / "tiny" / "solution.h5", "--out", "again.wav")[0] == 0
    assert Path("again.wav").read_bytes() == (tmp_path / "runs" / "tiny" / "fit.wav").read_bytes()


def test_a_problem_adds_scores_and_figures_of_its_own(call, problem, tmp_path):
    text = TINY + (
        "def scores(solution):\n    return {'classical_psnr': 40}\n"
        "def figures(solution):\n    figure = Figure()\n    figure.subplots().plot([1, 2])\n"
        "    return {'extra': figure}\n"
    )
    code, out, _ = call("run", problem(text), "--steps", 2)
    assert code == 0
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines() if line.strip()}
    assert told["classical_psnr"] == "40 dB classical solution of the same data"
    assert told["u_max_error"].endswith("largest seen")
    assert told["residual_line"].endswith("root mean square of the residual")
    assert (tmp_path / "runs" / "tiny" / "extra.png").stat().st_size > 1000
    assert load(tmp_path / "runs" / "tiny" / "solution.h5").score["classical_psnr"] == 40.0


INTEGRAL = HEAD + (
    "import sympy\n"
    "x, s, r = sympy.symbols('x s r')\n"
    "u = sympy.Function('u')(x)\n"
    "def build():\n"
    "    line = sp.Box(x=(0, 1))\n"
    "    return sp.Problem(name='tiny', constraints=[\n"
    "        sp.Constraint('line', on=line, residual=u - s * x - r),\n"
    "        sp.IntegralConstraint('whole', on=line, residual=u - 2, points=64),\n"
    "    ], unknowns={'s': sp.Unknown(initial=1, lower=0, upper=3), 'r': sp.Unknown(initial=0.5)})\n"
)


def test_unknown_numbers_and_integrals_are_told_in_the_table_and_the_summary(call, problem, tmp_path):
    code, out, _ = call("run", problem(INTEGRAL), "--steps", 2)
    assert code == 0
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines() if line.strip()}
    found = load(tmp_path / "runs" / "tiny" / "solution.h5").unknowns
    assert told["s"] == f"{found['s']:.5g} unknown number, from 1, above 0, below 3"
    assert told["r"] == f"{found['r']:.5g} unknown number, from 0.5"
    assert told["residual_whole"].endswith("mean of the residual over the region")
    assert told["residual_line"].endswith("root mean square of the residual")
    summary = json.loads((tmp_path / "runs" / "tiny" / "summary.json").read_text(encoding="utf-8"))
    assert summary["unknowns"] == {
        "s": {"value": found["s"], "initial": 1, "lower": 0, "upper": 3},
        "r": {"value": found["r"], "initial": 0.5, "lower": None, "upper": None},
    }


def test_check_names_the_unknown_numbers_that_are_sought(call, problem):
    _, out, _ = call("check", problem(INTEGRAL))
    assert "(2 constraints, u and the unknown numbers s, r sought; no warnings)" in " ".join(out.split())


def test_a_run_that_time_ends_says_so(call, problem, tmp_path):
    _, _, err = call("run", problem(INTEGRAL), "--seconds", 0.01)
    assert "Solving tiny: until 0.01 s are spent. Ctrl-C ends the run and saves what there is." in err
    assert re.search(r"\n\d+ steps in \d", err)
    summary = json.loads((tmp_path / "runs" / "tiny" / "summary.json").read_text(encoding="utf-8"))
    assert summary["settings"]["planned_steps"] == "until the time is spent"


def test_show_tells_the_points_that_are_used_and_parts_its_tables(call, problem):
    text = SOUND.replace("'points': 16", "'points': {'samples': 1500}")
    _, out, _ = call("show", problem(text))
    assert "{'samples': 800}" in out
    assert "1500" not in out
    lines = out.splitlines()
    heads = [place for place, line in enumerate(lines) if line.split()[:1] in (["recipe"], ["constraint"])]
    assert len(heads) == 3
    assert all(not lines[place - 1].strip() for place in heads)


@pytest.mark.parametrize(
    ("hook", "sentence"),
    [
        ("def scores(solution):\n    return 1 / 0\n", "scores(solution) of"),
        ("def scores(solution):\n    return {'a': 'b'}\n", "something that is no number"),
        ("def scores(solution):\n    return {'größe': 1.0}\n", "expected a dictionary from names"),
        ("def figures(solution):\n    return {'../a': Figure()}\n", "expected a dictionary from names"),
        ("def figures(solution):\n    return {'a': 1}\n", "expected a Figure"),
    ],
)
def test_a_failing_hook_costs_no_other_file(call, problem, tmp_path, hook, sentence):
    code, _, err = call("run", problem(TINY + hook), "--steps", 2)
    assert code == 3
    assert sentence in err
    assert {path.name for path in (tmp_path / "runs" / "tiny").iterdir()} == {
        "solution.h5",
        "u.png",
        "history.png",
        "summary.json",
    }


def test_a_file_that_cannot_be_written_costs_no_other(call, problem, tmp_path):
    (tmp_path / "out" / "u.png").mkdir(parents=True)
    code, out, err = call("run", problem(), "--steps", 2, "--out", "out", "--force")
    assert code == 2
    assert "u.png" in err
    assert "out: solution.h5, history.png, summary.json" in out
    assert "u.png" not in json.loads((tmp_path / "out" / "summary.json").read_text())["files"]


def test_settings_are_read_by_their_type(call, problem):
    arguments = [
        "--set",
        "slope=2",
        "--set",
        "count=4",
        "--set",
        "flag=yes",
        "--set",
        "path=a=b.png",
        "--set",
        "mode=x",
    ]
    code, out, _ = call("run", problem(), "--steps", 1, *arguments)
    assert code == 0
    assert "build 2.0 4 True 'a=b.png' 'x'" in out


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("slop=1", "Did you mean slope?"),
        ("slope", "expected NAME=VALUE"),
        ("=1", "expected NAME=VALUE"),
        ("slope=wide", "'wide' is not a finite number"),
        ("slope=nan", "'nan' is not a finite number"),
        ("count=1.5", "'1.5' is not an integer"),
        ("flag=maybe", "'maybe' is not true or false"),
    ],
)
def test_settings_that_do_not_fit_are_refused(call, problem, tmp_path, setting, sentence):
    code, _, err = call("run", problem(), "--set", setting)
    assert code == 2
    assert sentence in err
    assert not (tmp_path / "runs" / "tiny").exists()


@pytest.mark.parametrize(
    ("parameters", "setting", "sentence"),
    [
        ("slope=1.0, /", "slope=2", "takes 'slope' by position only, which cannot be set"),
        ("*numbers", "numbers=2", "takes *numbers, which cannot be set"),
        ("**options", "options=2", "takes **options, which cannot be set"),
        ("**options", "slope=2", "takes **options, which cannot be set"),
    ],
)
def test_what_has_no_name_cannot_be_set(call, problem, parameters, setting, sentence):
    file = problem(TINY + f"make = build\ndef build({parameters}):\n    return make()\n")
    code, _, err = call("run", file, "--set", setting)
    assert (code, sentence in err, "such as " in err) == (3, True, True)
    code, out, _ = call("show", file)
    assert (code, "--set" in out) == (0, False)


def test_a_setting_twice_is_refused(call, problem):
    code, _, err = call("run", problem(), "--set", "slope=1", "--set", "slope=2")
    assert (code, "slope is set twice" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "poison_from_gradients"], "Did you mean poisson_from_gradients?"),
        (["show", "fit_imag"], "Did you mean fit_image?"),
        (["run", "missing.py"], "does not exist"),
        (["run", "qqqqqq"], "The shipped problems are"),
        (["run", "solution.h5"], "Write sirenpde plot"),
        (["run", "tiny.py", "--steps", "0"], "--steps 0: expected a positive number."),
        (["run", "tiny.py", "--steps", "1.5"], "--steps"),
        (["run", "tiny.py", "--seconds", "nan"], "--seconds nan: expected a positive number."),
        (["run", "tiny.py", "--seconds", "inf"], "--seconds inf"),
        (["run", "tiny.py", "--seconds", "-1"], "--seconds -1"),
        (["run", "tiny.py", "--seed", "-1"], "seed=-1"),
        (["run", "tiny.py", "--device", "abacus"], "device='abacus'"),
        (["run", "tiny.py", "--dtype", "float16"], "--dtype float16: expected float32 or float64."),
        (["run", "tiny.py", "--nonsense"], "--nonsense"),
        (["runn"], "runn"),
        (["run"], "NAME|FILE.py"),
        (["plot", "missing.h5"], '"missing.h5" is not there'),
        (["export", "missing.h5"], '"missing.h5" is not there'),
    ],
)
def test_usage_errors(call, problem, arguments, sentence):
    problem()
    code, _, err = call(*arguments)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err
    assert not Path("runs").exists()


def test_an_output_folder_must_be_free_and_a_folder(call, problem, tmp_path):
    problem()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    for out, sentence in (
        ("file", "cannot be written to"),
        ("file/below", "cannot be written to"),
        ("full", "letter.txt"),
    ):
        code, _, err = call("run", "tiny.py", "--out", out)
        assert (code, sentence in err) == (2, True)
        assert "running" not in err  # refused before anything ran
    assert call("run", "tiny.py", "--steps", 1, "--out", "full", "--force")[0] == 0
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"
    code, _, err = call("run", "tiny.py", "--steps", 1, "--out", "full")
    assert (code, "holds an earlier run" in err) == (2, True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_folder_must_be_writable(call, problem, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert call("run", problem(), "--out", "locked")[0] == 2


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("import sirenpde as sp\nx = = 1\n", 3, "line 2: SyntaxError"),
        ("import sirenpde as sp\n\n1 / 0\n", 3, "failed at line 3: ZeroDivisionError"),
        ("raise SystemExit(0)\n", 3, "SystemExit"),
        ("speed = 1\n", 3, "holds no problem; expected a function build() that returns one"),
        ("speed = 1\n", 3, "It defines speed."),
        (HEAD + "def build():\n    return 3\n", 3, "returned a int; expected an sp.Problem"),
        (HEAD + "def build():\n    return unknown\n", 3, "failed at line 4: NameError"),
        (
            HEAD + "def build():\n    return sp.Problem(name='a b', fields='u', constraints=[])\n",
            3,
            "no name for a problem",
        ),
        (HEAD + "def build():\n    sp.Raster.from_image('missing.png')\n", 4, "missing.png"),
        (HEAD + "def build():\n    raise MemoryError\n", 7, "the memory ran out"),
        (HEAD + "def build():\n    raise RuntimeError('DefaultCPUAllocator: can\\'t allocate memory')\n", 7, "memory"),
        (TINY + "RECIPE = {'netwrk': 1}\n", 3, "Did you mean network?"),
        (TINY + "RECIPE = 3\n", 3, "RECIPE of"),
        (TINY + "RECIPE['network'] = 3\n", 2, "network=3"),
        (TINY + "RECIPE['optimizer'] = sp.Adam(steps=20, lr=1e200)\n", 5, "no longer finite"),
        (TINY + "RECIPE |= {'tolerance': 1e-6, 'steps': 2}\n", 6, "was to reach a residual"),
    ],
)
def test_each_failure_has_its_exit_code(call, problem, text, code, sentence):
    found, _, err = call("run", problem(text))
    assert found == code
    assert sentence in err
    assert "Traceback" not in err
    saved = Path("runs/tiny/solution.h5").exists()
    assert saved == (code in {5, 6})  # what there is of a failed run is kept
    assert Path("runs/tiny").exists() == Path("runs").exists() == saved


def test_a_folder_of_the_user_is_not_removed(call, problem, tmp_path):
    (tmp_path / "mine").mkdir()
    assert call("run", problem("1 / 0\n"), "--out", "mine")[0] == 3
    assert (tmp_path / "mine").is_dir()


def test_memory_that_runs_out_in_training_is_told(call, problem):
    text = TINY.replace("lambda a, phi: phi.u - slope * a.x)", "residual)")
    told = "def residual(a, phi):\n    calls.append(1)\n    if len(calls) > 20:\n        raise MemoryError\n"
    code, _, err = call("run", problem(text + "calls = []\n" + told + "    return phi.u - a.x\n"))
    assert code == 7
    assert "the memory ran out" in err


def test_several_problems_in_one_file_are_named(call, problem):
    text = TINY.replace("RECIPE =", "recipe =").replace("def build", "def make")
    code, _, err = call("run", problem(text + "first, second = make(), make()\n"))
    assert code == 3
    assert "holds several problems: first, second" in err
    assert call("run", problem(text + "only = make()\n", "one.py"), "--steps", 1)[0] == 0
    code, _, err = call("run", problem(text + "only = make()\n", "one.py"), "--set", "slope=1", "--out", "other")
    assert (code, "it has nothing to set" in err) == (2, True)


def test_debug_shows_the_traceback(call, problem):
    file = problem("1 / 0\n")
    assert "Traceback" in call("--debug", "run", file)[2]
    assert "Traceback" not in call("run", file)[2]


def test_a_fault_of_the_package_is_said_to_be_one(call, monkeypatch):
    monkeypatch.setattr(cli.library, "shipped", lambda: 1 / 0)
    code, _, err = call("list")
    assert code == 1
    assert "error: ZeroDivisionError" in err
    assert "--debug" in err


@pytest.mark.filterwarnings("default:the exact solution")  # which the residual contradicts, so that the fit is bad
def test_a_fit_no_better_than_zero_is_told(call, problem):
    text = TINY.replace("slope * a.x)", "slope * sp_sin(a.x))").replace("phi.u - slope * a.x", "phi.u")
    text = text.replace("import sirenpde", "from torch import sin\nsp_sin = lambda x: sin(300 * x)\nimport sirenpde")
    code, _, err = call("run", problem(text), "--steps", 300)
    assert code == 0
    assert "warning: u is no better than a constant zero" in err


@pytest.fixture
def stored(call, problem, tmp_path) -> Path:
    assert call("run", problem(), "--steps", 1)[0] == 0
    return tmp_path / "runs" / "tiny" / "solution.h5"


def test_export(call, stored, tmp_path):
    assert call("export", stored)[0] == 0
    assert stored.with_suffix(".vtkhdf").read_bytes() == stored.read_bytes()
    assert call("export", stored, "--out", "a.npz")[0] == 0
    with np.load("a.npz") as arrays:
        assert set(arrays) == {"x", "u", "u_reference", "u_error"}
    assert call("export", stored, "--out", "a.csv")[0] == 0
    table = np.genfromtxt("a.csv", delimiter=",", names=True)
    assert table.dtype.names == ("x", "u", "u_reference", "u_error")
    np.testing.assert_allclose(table["u_error"], table["u"] - table["u_reference"], atol=1e-6)
    for arguments, sentence in (
        (("--out", "a.npz"), "exists"),
        (("--out", "a.png"), "sirenpde plot"),
        (("--out", "a.wav"), "is no sound"),
        (("--out", "no/a.csv"), "there is no folder"),
    ):
        code, _, err = call("export", stored, *arguments)
        assert (code, sentence in err) == (2, True)
    assert call("export", stored, "--out", "a.npz", "--force")[0] == 0


def test_the_folder_of_a_run_stands_for_its_solution(call, stored, tmp_path):
    (stored.parent / "u.png").unlink()
    assert call("plot", stored.parent)[0] == 0
    assert (stored.parent / "u.png").exists()
    assert call("export", stored.parent, "--out", "a.csv")[0] == 0
    code, _, err = call("plot", tmp_path)
    assert (code, "is a folder without solution.h5" in err) == (2, True)


def test_a_file_that_is_no_solution_is_told(call, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    code, _, err = call("plot", "notes.txt")
    assert (code, '"notes.txt" is no HDF5 solution file' in err) == (4, True)
    assert not (tmp_path / "notes").exists()


def test_plot_beside_a_file_of_another_name(call, stored, tmp_path):
    copy = tmp_path / "mine.h5"
    copy.write_bytes(stored.read_bytes())
    assert call("plot", copy)[0] == 0
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"u.png", "history.png"}
    copy.write_bytes(stored.read_bytes()[:-50])
    code, _, err = call("plot", copy)
    assert code == 4
    assert "mine.h5" in err


def start(*arguments: object, folder: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "sirenpde", *map(str, arguments)],
        cwd=folder,
        env=environment,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"])
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_signal_stops_a_run_and_saves_it(problem, tmp_path, number, code):
    text = TINY + "RECIPE['optimizer'] = sp.Adam(steps=10**8)\n"
    text = text.replace("residual=lambda a, phi: phi.u - slope * a.x", "residual=residual")
    told = (
        "def residual(a, phi):\n    calls.append(1)\n    if len(calls) == 40:\n        open('training', 'w').close()\n"
    )
    process = start("run", problem(text + "calls = []\n" + told + "    return phi.u - a.x\n"), folder=tmp_path)
    with process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "training").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "interrupted" in out
    assert "Traceback" not in err
    folder = tmp_path / "runs" / "tiny"
    assert load(folder / "solution.h5").status == "interrupted"
    assert json.loads((folder / "summary.json").read_text())["steps"] > 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"])
@pytest.mark.parametrize("place", ["score", "scores", "figures"])
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_signal_after_training_loses_nothing(call, problem, tmp_path, monkeypatch, number, code, place):
    def scored(*arguments):
        if place == "score":
            os.kill(os.getpid(), number)
        return score(*arguments)

    monkeypatch.setattr("sirenpde.solution.score.score", scored)
    text = TINY + f"import os\ndef kill():\n    os.kill(os.getpid(), {int(number)})\n"
    text += f"def scores(solution):\n    {place == 'scores'} and kill()\n    return {{'more': 1.0}}\n"
    text += f"def figures(solution):\n    {place == 'figures'} and kill()\n    return {{'extra': Figure()}}\n"
    found, out, err = call("run", problem(text), "--steps", 2)
    assert found == code, err
    assert "budget_spent" in out
    folder = tmp_path / "runs" / "tiny"
    assert load(folder / "solution.h5").score["more"] == 1.0
    assert (folder / "extra.png").exists()
    assert json.loads((folder / "summary.json").read_text())["score"]["more"] == 1.0


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_second_signal_while_saving_ends_at_once_and_keeps_the_solution(call, problem, tmp_path):
    text = (
        TINY
        + "import os\ndef scores(solution):\n    os.kill(os.getpid(), 2)\n    os.kill(os.getpid(), 2)\n    return {}\n"
    )
    code, _, err = call("run", problem(text), "--steps", 2)
    assert code == 130
    assert "stopped while saving; written into runs" in err
    assert {path.name for path in (tmp_path / "runs" / "tiny").iterdir()} == {"solution.h5"}
    assert load(tmp_path / "runs" / "tiny" / "solution.h5").status == "budget_spent"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_signal_before_training_leaves_nothing(call, problem, tmp_path, monkeypatch):
    monkeypatch.setattr("sirenpde.training.collocation.Collocation.__init__", lambda *_: os.kill(os.getpid(), 15))
    code, _, err = call("run", problem(), "--steps", 2)
    assert (code, "stopped before there was anything to save." in err) == (143, True)
    assert not (tmp_path / "runs").exists()


def test_the_handlers_are_restored(call, problem):
    numbers = signal.SIGINT, signal.SIGTERM
    before = [signal.getsignal(number) for number in numbers]
    assert call("run", problem(), "--steps", 1)[0] == 0
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_signal_that_is_ignored_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with cli._stoppable():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_closed_pipe_is_no_error_to_report(tmp_path):
    with start("list", folder=tmp_path) as process:
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=60)
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


BAR = '''"""A bar."""
import sympy
import sirenpde as sp

x, k = sympy.symbols("x k")
u = sympy.Function("u")(x)
bar = sp.Box(x=(0, 1))
RECIPE = {"network": sp.Siren(width=8, depth=1), "points": {"equation": 2000, "ends": 2}}


def clamped(a, phi):
    return phi.u


def build(load: float = 1.0):
    return sp.Problem(
        name="bar",
        fields="u",
        constraints=[
            sp.Constraint("equation", on=bar, residual=k * u.diff(x, 2) - load * sympy.sin(x)),
            sp.Constraint("ends", on=bar.boundary, residual=clamped),
        ],
        unknowns={"k": sp.Unknown(initial=0.5, lower=0, upper=2)},
        given={"spare": 3.0},
    )
'''


@pytest.mark.parametrize("columns", [80, 120])
def test_check_tells_what_is_stated_and_what_it_costs(call, problem, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = call("check", problem(BAR))
    assert code == 0
    told = " ".join(out.split())
    assert "k*u_xx - sin(x)" in told or "k*u_xx - 1*sin(x)" in told or "k*u_xx - 1.0*sin(x)" in told
    assert "clamped (tiny.py:11)" in told
    assert "k unknown number from 0.5, above 0, below 2" in told
    assert "equation 1 forward streams 9 2000 18,000" in told
    assert "bar: the problem is well stated (2 constraints, u and the unknown number k sought; 1 warning)." in told
    assert 'reads the known "spare"' in err
    assert max(map(len, out.splitlines())) <= columns
    assert "\x1b" not in out + err


def test_check_sees_the_network_and_points_of_the_file(call, problem):
    _, out, _ = call("check", problem())
    assert "line 1 values 3 16 48" in " ".join(out.split())


def test_check_writes_nothing_and_solves_nothing(call, problem, monkeypatch, tmp_path):
    monkeypatch.setattr("sirenpde.training.loop.Trainer.run", lambda *_: 1 / 0)
    file = problem(BAR)
    before = set(tmp_path.iterdir())
    assert call("check", file)[0] == 0
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        (BAR.replace("phi.u", "phi.v"), 3, 'constraint "ends" of problem "bar" reads phi.v'),
        (BAR.replace("u.diff(x, 2)", "w.diff(x, 2)"), 3, "NameError"),
        (BAR.replace("sympy.sin(x)", "sympy.Symbol('speed')"), 3, "speed"),
    ],
)
def test_check_of_a_bad_problem_is_a_sentence_and_code_3(call, problem, text, code, sentence):
    found, out, err = call("check", problem(text))
    assert (found, out) == (code, "")
    assert sentence in err
    assert "Traceback" not in err


def test_check_of_nothing_is_a_slip_of_usage(call):
    code, _, err = call("check", "missing.py")
    assert (code, "does not exist" in err) == (2, True)


def test_a_long_formula_is_cut_short(call, problem):
    long = BAR.replace("sympy.sin(x)", "sum(sympy.sin(n * x) for n in range(40))")
    _, out, _ = call("check", problem(long))
    assert " characters)" in " ".join(out.split())


def test_every_shipped_equation_passes_the_check(call):
    code, out, _ = call("check", "heat")
    assert code == 0
    assert "u_t - 0.1*u_xx - 0.1*u_yy" in out


def test_the_check_in_the_tutorial_is_what_the_command_prints(call, problem, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    page = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
    code, shown = (re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL)[1] for kind in ("python", "text"))
    found, out, _ = call("check", problem(code, "heat.py"))
    assert found == 0
    assert [line.rstrip() for line in out.strip().splitlines()] == shown.splitlines()
