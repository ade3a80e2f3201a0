"""Discs, balls and their spheres, in any number of named coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import RegionError, finite_number, shown
from sirenpde.regions.box import Box, low_discrepancy
from sirenpde.regions.region import Region, Sample, as_points, require_name

#: Beyond these the volume leaves what Γ holds in a float64.
MOST_COORDINATES = 300


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Ball(Region):
    """The points no further than ``radius`` from a centre: an interval, a disc, a ball.

    All coordinates must share a unit, that of the radius. The measure is r^d π^(d/2) / Γ(d/2 + 1).

    Args:
        radius: The radius, above 0.
        centre: Coordinate → its value at the centre, in the order of the columns of points.

    Raises:
        RegionError: If there is no coordinate, a name is no identifier, a value is not finite, or the radius is not
            above 0, or too small or too large beside the centre.

    Example:
        >>> disc = Ball(x=0, y=1, radius=2)
        >>> disc.measure
        12.566370614359172
        >>> disc.boundary.measure
        12.566370614359172
    """

    centre: dict[str, float]
    radius: float

    def __init__(self, /, *, radius: float, **centre: float) -> None:
        """Check the centre and the radius and keep them as floats."""
        if not centre:
            msg = f"Ball(radius={radius!r}) has no coordinates. Write for example Ball(x=0, y=0, radius=1)."
            raise RegionError(msg)
        if len(centre) > MOST_COORDINATES:
            msg = f"a ball in {len(centre)} coordinates; balls have {MOST_COORDINATES} of them at most."
            raise RegionError(msg)
        of = f"Ball({', '.join(f'{name}={shown(value)}' for name, value in centre.items())}, radius={shown(radius)})"
        checked = {require_name(name, of): _finite(name, value, of) for name, value in centre.items()}
        size = _finite("radius", radius, of)
        if size <= 0.0:
            msg = f"{of} holds no points: the radius is {size:g}; expected a number above 0."
            raise RegionError(msg)
        object.__setattr__(self, "centre", checked)
        object.__setattr__(self, "radius", size)
        self._require_representable(of)

    def _require_representable(self, of: str) -> None:
        """Refuse radii that vanish beside the centre, or whose powers leave the floats."""
        for name, (low, high) in self.bounds.items():
            if not low < self.centre[name] < high or not math.isfinite(high - low):
                msg = (
                    f"{of}: beside {name}={self.centre[name]:g} a float64 does not hold the radius {self.radius:g}; "
                    "choose other units or another origin."
                )
                raise RegionError(msg)
        if not (0.0 < self.measure < math.inf and 0.0 < _sphere(len(self.centre), self.radius) < math.inf):
            msg = f"{of} has the measure {self.measure:g}, beyond what a float64 holds; choose other units of length."
            raise RegionError(msg)

    def __hash__(self) -> int:
        """Hash the centre and the radius."""
        return hash((tuple(self.centre.items()), self.radius))

    def __eq__(self, other: object) -> bool:
        """Compare the radius, the centre and the order of the coordinates, which is that of the columns of points."""
        if not isinstance(other, Ball):
            return NotImplemented
        return self.radius == other.radius and list(self.centre.items()) == list(other.centre.items())

    def __repr__(self) -> str:
        """Return the call that makes the ball."""
        return f"Ball({', '.join(f'{name}={value:g}' for name, value in self.centre.items())}, radius={self.radius:g})"

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates, in the order given."""
        return tuple(self.centre)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The box around the ball."""
        return {name: (value - self.radius, value + self.radius) for name, value in self.centre.items()}

    @property
    def measure(self) -> float:
        """The length, area or volume, in closed form."""
        d = len(self.centre)
        return _sphere(d, self.radius) * self.radius / d

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie in the ball, up to 1e-9 of its extent."""
        return self.distances(as_points(self, points)) <= 1.0 + self.slack

    @property
    def slack(self) -> float:
        """The thickness of the rim in radii: 1e-9 of the extent, and the rounding of points far from the origin."""
        return 2e-9 + 1e-15 * math.hypot(*self.centre.values()) / self.radius

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Return the distances of points from the centre in radii, shape ``(n,)``."""
        with np.errstate(over="ignore"):  # what is too far away to be squared is outside
            scaled: np.ndarray = (points - np.array(list(self.centre.values()))) / self.radius
            return np.asarray(np.sqrt(np.sum(scaled**2, axis=1)))

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of a scrambled Sobol sequence, carried into the ball by a map that preserves volume."""
        d = len(self.centre)
        drawn = low_discrepancy(count, d if d < 3 else d + 1, generator)
        # A share u of the volume lies within the radius u^(1/d).
        offsets = 2.0 * drawn - 1.0 if d == 1 else drawn[:, :1] ** (1 / d) * _directions(drawn[:, 1:], d)
        return Sample(self.place(offsets))

    def place(self, offsets: Tensor) -> Tensor:
        """Return the points at offsets from the centre given in radii, shape ``(n, d)``."""
        return torch.tensor(list(self.centre.values()), dtype=torch.float64) + self.radius * offsets

    @property
    def boundary(self) -> Region:
        """The sphere, with the outward normal and the surface measure; in one coordinate the two ends."""
        return Box(**self.bounds).boundary if len(self.centre) == 1 else Sphere(self)


@dataclass(frozen=True, repr=False)
class Sphere(Region):
    """The points at the distance ``radius`` from a centre, in two or more coordinates; made by ``Ball.boundary``."""

    ball: Ball

    def __repr__(self) -> str:
        """Return the expression that makes the sphere."""
        return f"{self.ball!r}.boundary"

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates of the ball."""
        return self.ball.names

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The bounds of the ball."""
        return self.ball.bounds

    @property
    def measure(self) -> float:
        """The perimeter of a disc, the area of a sphere, in closed form."""
        return _sphere(len(self.names), self.ball.radius)

    @property
    def dimension(self) -> int:
        """One less than the number of coordinates."""
        return len(self.names) - 1

    @property
    def has_normal(self) -> bool:
        """Always: it points away from the centre."""
        return True

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points lie on the sphere, up to 1e-9 of its extent."""
        return np.abs(self.ball.distances(as_points(self, points)) - 1.0) <= self.ball.slack

    def draw(self, count: int, generator: torch.Generator) -> Sample:
        """Draw points of a scrambled Sobol sequence, carried onto the sphere by a map that preserves area."""
        d = len(self.names)
        normal = _directions(low_discrepancy(count, d if d > 2 else 1, generator), d)
        return Sample(self.ball.place(normal), normal)


def _finite(name: str, value: object, of: str) -> float:
    """Return a number as a float; refuse what is none."""
    number = finite_number(value)
    if number is None:
        msg = f"{of}: {name} is {shown(value)}; expected a finite number, as in Ball(x=0, y=0, radius=1)."
        raise RegionError(msg)
    return number


def _sphere(d: int, radius: float) -> float:
    """Return the surface of a ball in d coordinates, 2 π^(d/2) r^(d-1) / Γ(d/2): two points, 2πr, 4πr² and so on."""
    unit = 2.0 * math.pi if d % 2 == 0 else 2.0
    try:
        # S_(k+2) = 2π/k S_k, exact to rounding where Γ of a half would not be.
        return math.prod((2.0 * math.pi / k for k in range(2 - d % 2, d - 1, 2)), start=unit) * radius ** (d - 1)
    except OverflowError:
        return math.inf


def _directions(drawn: Tensor, d: int) -> Tensor:
    """Turn uniform numbers into unit vectors, uniform on the sphere in d coordinates.

    Args:
        drawn: Shape ``(n, 1)`` for d = 2, where it is the angle in turns; else ``(n, d)``.
        d: The number of coordinates, at least 2.

    Returns:
        Shape ``(n, d)``.
    """
    if d == 2:
        angle = 2.0 * math.pi * drawn[:, 0]
        return torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    # Independent normal numbers have no preferred direction. A Sobol point may lie at 0, whose normal number is -∞.
    normal: Tensor = torch.special.ndtri(drawn.clamp(2.0**-33, 1.0 - 2.0**-33))
    return (normal / normal.square().sum(dim=1, keepdim=True).sqrt()).clamp(-1.0, 1.0)
