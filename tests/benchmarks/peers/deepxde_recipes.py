"""DeepXDE's documented recipe for each case of ``accuracy.py``, with PyTorch as its back end.

Networks, numbers of points, weights and rates are those of the example in DeepXDE's documentation (version 1.15) for
the same equation, or else for the nearest one:

| case | example | network | points inside, on the boundary, at the start | Adam |
| --- | --- | --- | --- | --- |
| poisson, poisson_4pi | Poisson over an L-shaped domain | 4 × 50 tanh | 1200, 120 | 50000 at 1e-3 |
| helmholtz | Helmholtz 2-D, Dirichlet, hard | 3 × 150 sine | 10 per wavelength: 40², 160 | 5000 at 1e-3 |
| burgers | Burgers | 3 × 20 tanh | 2540, 80, 160 | 15000 at 1e-3 |
| allen_cahn | Allen–Cahn, hard | 3 × 20 tanh | 8000, 400, 800 | 40000 at 1e-3 |
| kdv | Burgers, by analogy | 3 × 20 tanh | 2540, 80, 160 | 15000 at 1e-3 |
| wave | wave 1-D | spatio-temporal Fourier features, 3 × 100 tanh | 360, 360, 360, new in each step | 10000, decaying |
| kovasznay | Kovasznay flow | 4 × 50 tanh | 2601, 400 | 30000 at 1e-3 |
| cavity | Kovasznay flow, by analogy | 4 × 50 tanh | 2601, 400 | 30000 at 1e-3 |
| poisson_5d | L-shape, by analogy; points as Kovasznay | 4 × 50 tanh | 2601, 400 | 50000 at 1e-3 |
| identify_diffusion | inverse 1-D diffusion | 3 × 32 tanh | 40, 20 and the measurements | 50000 at 1e-3 |
| identify_conductivity | inverse elliptic field | 3 × 20 tanh for each field | 1200, 120 and the data | 20000 at 1e-4 |

Adam runs for the iterations above, but at most for two thirds of the time, and L-BFGS for the rest, as in the examples
for Poisson, Burgers, Allen–Cahn and Kovasznay; the others end with Adam, and get L-BFGS too where time is left. Test
points are the training points, which costs less than the examples' own. float32 is the default of DeepXDE, and no
example of these leaves it.

Two remarks. The example for the wave equation needs a network that DeepXDE has for TensorFlow 1 only; ``fourier_net``
builds it from its paper (Wang, Wang & Perdikaris 2021, On the eigenvector bias of Fourier feature networks, Sec. 3.3).
Allen–Cahn's example holds u at −1 at both ends, where the case is periodic: the two solutions differ by 8.9e-5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from benchmarks.accuracy_cases import CASES, problem_of
from benchmarks.peers.deepxde_training import Recipe
from benchmarks.peers.fourier_net import fourier_net

from sirenpde.library import definitions, shipped


def everywhere(_: Any, on_boundary: bool) -> bool:
    """Choose all of a boundary, or all of the start."""
    return on_boundary


def zero(x: np.ndarray) -> np.ndarray:
    """Return 0 at points ``(n, d)``."""
    return np.zeros((len(x), 1))


def slope(dde: Any, y: Any, x: Any, component: int, axis: int) -> Any:
    """Return the derivative of a component by a coordinate."""
    return dde.grad.jacobian(y, x, i=component, j=axis)


def second(dde: Any, y: Any, x: Any, component: int, axis: int) -> Any:
    """Return the second derivative of a component by a coordinate."""
    return dde.grad.hessian(y, x, component=component, i=axis, j=axis)


def laplacian(dde: Any, y: Any, x: Any, component: int = 0) -> Any:
    """Return the Laplacian of a component."""
    return sum(second(dde, y, x, component, axis) for axis in range(x.shape[1]))


def space_time(dde: Any, left: float, right: float, end: float) -> Any:
    """Return an interval in space times one in time that begins at 0."""
    return dde.geometry.GeometryXTime(dde.geometry.Interval(left, right), dde.geometry.TimeDomain(0, end))


def of_problem(name: str, what: str) -> Any:
    """Return what the file of a shipped problem defines."""
    return definitions(shipped()[problem_of(name)])[what]


def at_points(function: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of the coordinates as one of points ``(n, d)``, in float64: exponentials would overflow."""
    return lambda x: function(*x.astype(float).T)[:, None]


def poisson(dde: Any, waves: int = 1) -> Recipe:
    """Return the recipe for −Δu = f on a square."""
    import torch

    square = dde.geometry.Rectangle([-1, -1], [1, 1])

    def equation(x: Any, y: Any) -> Any:
        source = 2 * (waves * math.pi) ** 2 * torch.sin(waves * math.pi * x).prod(1, keepdim=True)
        return -laplacian(dde, y, x) - source

    edge = dde.icbc.DirichletBC(square, zero, everywhere)
    data = dde.data.PDE(square, equation, edge, num_domain=1200, num_boundary=120)
    return Recipe(data, dde.nn.FNN([2] + [50] * 4 + [1], "tanh", "Glorot uniform"), adam=50000)


def helmholtz(dde: Any) -> Recipe:
    """Return the recipe for Δu + u = f on a square, the edge built in; the shortest wave is ½ long."""
    import torch

    square = dde.geometry.Rectangle([-1, -1], [1, 1])

    def equation(x: Any, y: Any) -> Any:
        exact = torch.sin(math.pi * x[:, :1]) * torch.sin(4 * math.pi * x[:, 1:])
        return -laplacian(dde, y, x) - y + (1 - 17 * math.pi**2) * exact

    data = dde.data.PDE(square, equation, [], num_domain=40**2, num_boundary=4 * 40)
    net = dde.nn.FNN([2] + [150] * 3 + [1], "sin", "Glorot uniform")
    net.apply_output_transform(lambda x, y: (1 - x**2).prod(1, keepdim=True) * y)
    return Recipe(data, net, adam=5000)


def burgers(dde: Any) -> Recipe:
    """Return the recipe for Burgers' equation."""
    channel = space_time(dde, -1, 1, 1)

    def equation(x: Any, y: Any) -> Any:
        return slope(dde, y, x, 0, 1) + y * slope(dde, y, x, 0, 0) - 0.01 / math.pi * second(dde, y, x, 0, 0)

    walls = dde.icbc.DirichletBC(channel, zero, everywhere)
    start = dde.icbc.IC(channel, lambda x: -np.sin(math.pi * x[:, :1]), everywhere)
    data = dde.data.TimePDE(channel, equation, [walls, start], num_domain=2540, num_boundary=80, num_initial=160)
    return Recipe(data, dde.nn.FNN([2] + [20] * 3 + [1], "tanh", "Glorot normal"), adam=15000)


def allen_cahn(dde: Any) -> Recipe:
    """Return the recipe for Allen–Cahn, the start built in, and −1 at both ends."""
    import torch

    channel = space_time(dde, -1, 1, 1)

    def equation(x: Any, y: Any) -> Any:
        return slope(dde, y, x, 0, 1) - 1e-4 * second(dde, y, x, 0, 0) - 5 * (y - y**3)

    def built_in(x: Any, y: Any) -> Any:
        place, at = x[:, :1], x[:, 1:]
        return place**2 * torch.cos(math.pi * place) + at * (1 - place**2) * y

    data = dde.data.TimePDE(channel, equation, [], num_domain=8000, num_boundary=400, num_initial=800)
    net = dde.nn.FNN([2] + [20] * 3 + [1], "tanh", "Glorot normal")
    net.apply_output_transform(built_in)
    return Recipe(data, net, adam=40000)


def kdv(dde: Any) -> Recipe:
    """Return the recipe for the two solitons, with the exact values at the start and the ends."""
    channel = space_time(dde, -10, 10, 4)
    x_, t_ = sympy.symbols("x t")
    formula = of_problem("kdv", "two_solitons")(x_, t_)
    value, steepness = (at_points(sympy.lambdify((x_, t_), each, "numpy")) for each in (formula, formula.diff(x_)))

    def equation(x: Any, y: Any) -> Any:
        third = dde.grad.jacobian(second(dde, y, x, 0, 0), x, i=0, j=0)
        return slope(dde, y, x, 0, 1) + 6 * y * slope(dde, y, x, 0, 0) + third

    ends = dde.icbc.DirichletBC(channel, value, everywhere)
    start = dde.icbc.IC(channel, value, everywhere)
    right = dde.icbc.NeumannBC(channel, steepness, lambda x, on_boundary: on_boundary and x[0] > 0)
    conditions = [ends, right, start]
    data = dde.data.TimePDE(channel, equation, conditions, num_domain=2540, num_boundary=80, num_initial=160)
    return Recipe(data, dde.nn.FNN([2] + [20] * 3 + [1], "tanh", "Glorot normal"), adam=15000)


def wave(dde: Any) -> Recipe:
    """Return the recipe for the wave equation."""
    channel = space_time(dde, 0, 1, 1)

    def equation(x: Any, y: Any) -> Any:
        return second(dde, y, x, 0, 1) - 4 * second(dde, y, x, 0, 0)

    def shape(x: np.ndarray) -> np.ndarray:
        return np.sin(math.pi * x[:, :1]) + np.sin(4 * math.pi * x[:, :1]) / 2

    ends = dde.icbc.DirichletBC(channel, zero, everywhere)
    start = dde.icbc.IC(channel, shape, everywhere)
    rest = dde.icbc.OperatorBC(channel, lambda x, y, _: slope(dde, y, x, 0, 1), lambda x, _: bool(np.isclose(x[1], 0)))
    conditions = [ends, start, rest]
    data = dde.data.TimePDE(channel, equation, conditions, num_domain=360, num_boundary=360, num_initial=360)
    net = fourier_net(dde, width=100, depth=3, sigmas_x=[1], sigmas_t=[1, 10])
    net.apply_feature_transform(lambda x: (x - 0.5) * 2 * math.sqrt(3))
    return Recipe(data, net, adam=10000, decay=("inverse time", 2000, 0.9), balance=5.0, resample=True)


def momentum(dde: Any, reynolds: float) -> Callable[[Any, Any], list[Any]]:
    """Return the stationary Navier–Stokes equations in two dimensions."""

    def equation(x: Any, y: Any) -> list[Any]:
        def along(i: int, pressure: Any) -> Any:
            carried = y[:, :1] * slope(dde, y, x, i, 0) + y[:, 1:2] * slope(dde, y, x, i, 1)
            return carried + pressure - laplacian(dde, y, x, i) / reynolds

        continuity = slope(dde, y, x, 0, 0) + slope(dde, y, x, 1, 1)
        return [along(0, slope(dde, y, x, 2, 0)), along(1, slope(dde, y, x, 2, 1)), continuity]

    return equation


def kovasznay(dde: Any) -> Recipe:
    """Return the recipe for Kovasznay's flow, with the velocity on all sides and the pressure on the right one."""
    channel = dde.geometry.Rectangle([-0.5, -0.5], [1, 1.5])
    rate = 20 - math.sqrt(400 + 4 * math.pi**2)
    exact = [
        lambda x: 1 - np.exp(rate * x[:, :1]) * np.cos(2 * math.pi * x[:, 1:]),
        lambda x: rate / (2 * math.pi) * np.exp(rate * x[:, :1]) * np.sin(2 * math.pi * x[:, 1:]),
        lambda x: (1 - np.exp(2 * rate * x[:, :1])) / 2,
    ]
    sides = [dde.icbc.DirichletBC(channel, exact[i], everywhere, component=i) for i in (0, 1)]
    outflow = dde.icbc.DirichletBC(
        channel, exact[2], lambda x, on_boundary: bool(on_boundary and np.isclose(x[0], 1)), component=2
    )
    return flow(dde, channel, 40.0, [*sides, outflow])


def cavity(dde: Any) -> Recipe:
    """Return the recipe for the driven cavity, with the pressure 0 at the centre of the floor."""
    box = dde.geometry.Rectangle([0, 0], [1, 1])
    lid = dde.icbc.DirichletBC(box, lambda x: np.isclose(x[:, 1:], 1) * 1.0, everywhere, component=0)
    walls = dde.icbc.DirichletBC(box, zero, everywhere, component=1)
    pin = dde.icbc.PointSetBC(np.array([[0.5, 0.0]]), np.zeros((1, 1)), component=2)
    return flow(dde, box, 100.0, [lid, walls, pin])


def flow(dde: Any, domain: Any, reynolds: float, conditions: Sequence[Any]) -> Recipe:
    """Return the recipe for a flow with given conditions."""
    data = dde.data.PDE(domain, momentum(dde, reynolds), list(conditions), num_domain=2601, num_boundary=400)
    net = dde.nn.FNN([2] + [50] * 4 + [3], "tanh", "Glorot normal")
    return Recipe(data, net, adam=30000, fields=("u", "v", "p"))


def poisson_5d(dde: Any) -> Recipe:
    """Return the recipe for Poisson's equation in five dimensions."""
    import torch

    cube = dde.geometry.Hypercube([0] * 5, [1] * 5)

    def equation(x: Any, y: Any) -> Any:
        return -laplacian(dde, y, x) - math.pi**2 * torch.cos(math.pi * x).sum(1, keepdim=True)

    edge = dde.icbc.DirichletBC(cube, lambda x: np.cos(math.pi * x).sum(1, keepdims=True), everywhere)
    data = dde.data.PDE(cube, equation, edge, num_domain=2601, num_boundary=400)
    return Recipe(data, dde.nn.FNN([5] + [50] * 4 + [1], "tanh", "Glorot uniform"), adam=50000)


def measured(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the measurements of a shipped problem: points ``(n, d)`` and values ``(n, 1)``."""
    import torch

    arguments = {"count": 400 if "diffusion" in name else 1000, "noise": 0.0, "seed": 0, **CASES[name].arguments}
    points = of_problem(name, "measurements")(**arguments)
    sample = points.take(torch.arange(points.size))
    return sample.points.numpy(), sample.local["measured"].numpy()[:, None]


def identify_diffusion(dde: Any, name: str = "identify_diffusion") -> Recipe:
    """Return the recipe for an unknown diffusion coefficient, with as much known as the shipped problem says."""
    rod = space_time(dde, 0, 1, 1)
    places, values = measured(name)
    nu = dde.Variable(1.0)

    def equation(x: Any, y: Any) -> Any:
        return slope(dde, y, x, 0, 1) - nu * second(dde, y, x, 0, 0)

    ends = dde.icbc.DirichletBC(rod, zero, everywhere)
    seen = dde.icbc.PointSetBC(places, values)
    data = dde.data.TimePDE(rod, equation, [ends, seen], num_domain=40, num_boundary=20, anchors=places)
    return Recipe(data, dde.nn.FNN([2] + [32] * 3 + [1], "tanh", "Glorot uniform"), adam=50000, numbers={"nu": nu})


def identify_conductivity(dde: Any) -> Recipe:
    """Return the recipe for an unknown field k, 1 on the edge."""
    import torch

    square = dde.geometry.Rectangle([-1, -1], [1, 1])
    places, values = measured("identify_conductivity")
    x_, y_ = sympy.symbols("x y")
    names = ("heat", "temperature", "CONDUCTIVITY")
    heat, temperature, k = (of_problem("identify_conductivity", each) for each in names)
    functions = [{"sin": torch.sin, "cos": torch.cos, "exp": torch.exp, "pi": math.pi}, "math"]
    source = sympy.lambdify((x_, y_), heat(k, temperature(x_, y_)), functions)

    def equation(x: Any, y: Any) -> Any:
        bent = sum(slope(dde, y, x, 1, axis) * slope(dde, y, x, 0, axis) for axis in (0, 1))
        return bent + y[:, 1:] * laplacian(dde, y, x) - source(x[:, :1], x[:, 1:])

    edge = dde.icbc.DirichletBC(square, lambda x: np.ones((len(x), 1)), everywhere, component=1)
    seen = dde.icbc.PointSetBC(places, values, component=0)
    data = dde.data.PDE(square, equation, [edge, seen], num_domain=1200, num_boundary=120, anchors=places)
    net = dde.nn.PFNN([2, [20, 20], [20, 20], [20, 20], 2], "tanh", "Glorot uniform")
    return Recipe(data, net, adam=20000, lr=1e-4, fields=("u", "k"), weights=(1, 100, 1000))


RECIPES: dict[str, Callable[[Any], Recipe]] = {
    "poisson": poisson,
    "poisson_4pi": lambda dde: poisson(dde, waves=4),
    "helmholtz": helmholtz,
    "burgers": burgers,
    "allen_cahn": allen_cahn,
    "kdv": kdv,
    "wave": wave,
    "kovasznay": kovasznay,
    "cavity": cavity,
    "poisson_5d": poisson_5d,
    "identify_diffusion_clean": lambda dde: identify_diffusion(dde, "identify_diffusion_clean"),
    "identify_diffusion": identify_diffusion,
    "identify_conductivity": identify_conductivity,
}
