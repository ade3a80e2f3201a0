"""One network per window of a coordinate that fields evolve in, each beginning where the one before it ends.

In its window, from t_i on and h long, a field whose time derivatives go up to order k is

    v(x, t) = Σ_{m<k} (t − t_i)^m / m! · ∂_t^m v_prev(x, t_i) + ((t − t_i)/h)^k Φ(x, t),

where v_prev is the field of the window before, frozen. So v and its first k − 1 time derivatives go through t_i without
a jump, exactly. A field of order 0 is Φ itself: nothing of it is carried on, as of the pressure in a flow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.evaluation import ComposedNetwork, Evaluation, combine, raw_network
from sirenpde.fields.forms import Form, added, component, raised
from sirenpde.fields.plan import choose
from sirenpde.fields.product import Expanded, Product, expanded
from sirenpde.fields.scope import Memo

#: The most windows: the start of each is found through all before it.
MOST_WINDOWS = 50

#: The highest derivative by the coordinate that equations take.
HIGHEST = 4


@dataclass(frozen=True, eq=False)
class Start:
    """Where a window begins.

    Attributes:
        previous: The raw fields of the window before, ``(n, d)`` → ``(n, o)``; their weights stay as they are.
        axis: The column of the coordinate.
        time: t_i, in the unit of the coordinate.
        length: h, the window's length, likewise.
        orders: k per output.
    """

    previous: nn.Module
    axis: int
    time: float
    length: float
    orders: tuple[int, ...]

    @property
    def learns(self) -> bool:
        """Whether weights of the windows before are being trained too."""
        before = self.previous
        own = any(weight.requires_grad for weight in before.parameters())
        return own or (isinstance(before, Continued) and before.start.learns)

    def series(self, form: Form) -> tuple[Form, ...]:
        """Return G_m with Σ_m (t − t_i)^m / m! · G_m v_prev(x, t_i) the form of what is carried over t_i."""
        found: list[Form] = [()] * max(self.orders)
        for (column, alpha), factor in form:
            grown = alpha
            for power in range(self.orders[column] - alpha[self.axis]):
                found[power] = added(found[power], (((column, grown), factor),))
                grown = raised(grown, self.axis)
        return tuple(found)

    def enters(self, product: Product) -> bool:
        """Tell whether ∂^β of ((t − t_i)/h)^k is not zero everywhere."""
        times = product.alpha[self.axis]
        return sum(product.alpha) == times <= self.orders[product.column]

    def factor(self, product: Product, since: Tensor) -> Tensor:
        """Return ∂^β of ((t − t_i)/h)^k at t − t_i, ``(n,)``."""
        k, times = self.orders[product.column], product.alpha[self.axis]
        return math.perm(k, times) / self.length**times * (since / self.length) ** (k - times)

    def face(self, points: Tensor) -> Tensor:
        """Return the points moved to t_i, ``(n, d)``, as the frozen fields take them."""
        columns = list(points.unbind(1))
        columns[self.axis] = torch.full_like(columns[self.axis], self.time)
        weight = next(self.previous.parameters())
        return torch.stack(columns, dim=1).to(weight.device, weight.dtype)


class Continued(ComposedNetwork):
    """The raw fields in a window that begins where another ends.

    Attributes:
        network: Φ, whose weights are found.
        start: What it begins with.
    """

    network: nn.Module

    def __init__(self, network: nn.Module, start: Start) -> None:
        """Join a network to what it begins with, whose weights are none of this module's."""
        super().__init__()
        self.network = network
        self.start = start

    def forward(self, points: Tensor) -> Tensor:
        """Return the raw fields, ``(n, d)`` → ``(n, o)``."""
        d, o = points.shape[1], len(self.start.orders)
        forms = tuple(component(column, d) for column in range(o))
        answers = self.evaluation(forms, d, o)(self, points)
        return torch.stack([answers[form] for form in forms], dim=1)

    def evaluation(self, forms: tuple[Form, ...], dimension: int, outputs: int) -> Evaluation:
        """Return how forms follow from those of Φ and of the window before."""
        start = self.start
        carried = [column for column, order in enumerate(start.orders) if order]
        parts = [expanded(form, carried) for form in forms]
        parts = [replace(part, products=tuple(filter(start.enters, part.products))) for part in parts]
        raw = [form for part in parts for form in (part.plain, *(each.raw for each in part.products)) if form]
        series = tuple(start.series(part.offset) for part in parts)
        known = [form for each in series for form in each if form]
        return ContinuedEvaluation(
            forms,
            dimension,
            outputs,
            tuple(parts),
            series,
            choose(raw, self.network, dimension, outputs),
            choose(known, start.previous, dimension, outputs),
        )


@dataclass(frozen=True)
class ContinuedEvaluation(Evaluation):
    """Derivatives in a window, by Leibniz' rule; what is carried into it is kept in the points' memo.

    Attributes:
        parts: The forms in terms of Φ, in the order of ``forms``.
        series: The forms in terms of the window before, likewise.
        inner: How Φ is evaluated.
        frozen: How the window before is.
    """

    parts: tuple[Expanded, ...]
    series: tuple[tuple[Form, ...], ...]
    inner: Evaluation
    frozen: Evaluation

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        return f"{self.inner.name}, continued"

    @property
    def cost(self) -> float:
        """That of Φ: what is carried into the window is evaluated once per point."""
        return self.inner.cost

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        module = raw_network(network)
        if not isinstance(module, Continued):
            msg = f"a window's derivatives are those of a Continued, not of a {type(module).__name__}"
            raise TypeError(msg)
        start = module.start
        raw = self.inner(module.network, points, memo)
        carried = self._carried(start, points, memo)
        since = points[:, start.axis] - start.time
        answers = {}
        for form, part in zip(self.forms, self.parts, strict=True):
            terms = [raw[part.plain]] if part.plain else []
            terms += [carried[form]] if part.offset else []
            terms += [start.factor(each, since) * raw[each.raw] for each in part.products]
            answers[form] = combine([(1.0, term) for term in terms], points)
        return answers

    def _carried(self, start: Start, points: Tensor, memo: Memo | None) -> dict[Form, Tensor]:
        """Return form → Σ_m (t − t_i)^m / m! · G_m v_prev(x, t_i), ``(n,)``."""
        if torch.is_grad_enabled() and (points.requires_grad or start.learns):
            return self._series(start, points)
        with torch.no_grad():
            if memo is None:
                return self._series(start, points)
            key = start, self.forms
            if key not in memo:
                memo[key] = self._series(start, points)
            return memo[key]  # type: ignore[no-any-return]

    def _series(self, start: Start, points: Tensor) -> dict[Form, Tensor]:
        face, since = start.face(points), points[:, start.axis] - start.time
        if torch.is_grad_enabled() and points.requires_grad:
            # Closed forms are differentiated once, by weights; whoever moves the points may want more.
            leaf = face if face.requires_grad else face.requires_grad_()  # time alone: nothing is left of the points
            known = evaluate_forms(start.previous, leaf, self.frozen.forms)
        else:
            known = self.frozen(start.previous, face)
        found = {}
        for form, series in zip(self.forms, self.series, strict=True):
            powers = [(m, known[each].to(points)) for m, each in enumerate(series) if each]
            terms = [(1.0 / math.factorial(m), since**m * each if m else each) for m, each in powers]
            found[form] = combine(terms, points)
        return found


class WindowedNetwork(ComposedNetwork):
    """The raw fields over all windows: each point asks the window that it lies in.

    A point where two windows meet belongs to the earlier one; a point before the first or after the last belongs to
    that one.

    Attributes:
        windows: The raw fields of each window; those after the first are ``Continued``.
        edges: Where the windows begin and end, ``(w + 1,)``, ascending, in the number type of the weights.
        ends: The same as they were given.
        axis: The column of the coordinate.
        orders: k per output.
    """

    edges: Tensor

    def __init__(self, networks: Sequence[nn.Module], axis: int, edges: Sequence[float], orders: Sequence[int]) -> None:
        """Link the networks Φ of the windows, in their order.

        Args:
            networks: Φ of each window, ``(n, d)`` → ``(n, o)``.
            axis: The column of the coordinate.
            edges: One more than there are networks, ascending.
            orders: k per output.
        """
        super().__init__()
        windows = [networks[0]]
        for network, (low, high) in zip(networks[1:], itertools.pairwise(edges[1:]), strict=True):
            windows.append(Continued(network, Start(windows[-1], axis, low, high - low, tuple(orders))))
        self.windows = nn.ModuleList(windows)
        self.ends, self.axis, self.orders = tuple(edges), axis, tuple(orders)
        self.register_buffer("edges", torch.tensor(edges, dtype=torch.float64), persistent=False)

    @property
    def networks(self) -> list[nn.Module]:
        """Φ of each window."""
        return [window.network if isinstance(window, Continued) else window for window in self.windows]

    def forward(self, points: Tensor) -> Tensor:
        """Return the raw fields, ``(n, d)`` → ``(n, o)``."""
        return self.by_window(points, lambda place, own: self.windows[place](own))

    def by_window(self, points: Tensor, evaluate: Callable[[int, Tensor], Tensor]) -> Tensor:
        """Return what ``evaluate`` makes of the number of each window and of its points, in the order of the points."""
        which = torch.bucketize(points.detach()[:, self.axis].contiguous(), self.edges[1:-1])
        rows = [(which == place).nonzero()[:, 0] for place in range(len(self.windows))]
        held = [(place, own) for place, own in enumerate(rows) if len(own)] or [(0, rows[0])]
        found = torch.cat([evaluate(place, points[own]) for place, own in held])
        return found[torch.argsort(torch.cat([own for _, own in held]))]

    def evaluation(self, forms: tuple[Form, ...], dimension: int, outputs: int) -> Evaluation:
        """Return the evaluations of all windows as one."""
        ways = tuple(choose(forms, window, dimension, outputs) for window in self.windows)
        return WindowedEvaluation(forms, dimension, outputs, ways)


@dataclass(frozen=True)
class WindowedEvaluation(Evaluation):
    """Derivatives over all windows, each point in its own.

    Attributes:
        ways: How each window is evaluated.
    """

    ways: tuple[Evaluation, ...]

    @property
    def name(self) -> str:
        """What the way is called in tables."""
        return f"{self.ways[0].name}, by windows"

    @property
    def cost(self) -> float:
        """That of the dearest window."""
        return max(way.cost for way in self.ways)

    def __call__(self, network: nn.Module, points: Tensor, memo: Memo | None = None) -> dict[Form, Tensor]:
        """Return form → shape ``(n,)``."""
        del memo  # it belongs to all the points, and a window sees its own
        module = raw_network(network)
        if not isinstance(module, WindowedNetwork):
            msg = f"derivatives by windows are those of a WindowedNetwork, not of a {type(module).__name__}"
            raise TypeError(msg)

        def stacked(place: int, own: Tensor) -> Tensor:
            answers = self.ways[place](module.windows[place], own)
            return torch.stack([answers[form] for form in self.forms], dim=1)

        return dict(zip(self.forms, module.by_window(points, stacked).unbind(1), strict=True))
