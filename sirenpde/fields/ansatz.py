"""The ansatz, which is what is trained: a network's raw fields, made final by hard conditions, and unknown numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from sirenpde.errors import ProblemError, suggestion
from sirenpde.fields.autodiff import Autodiff
from sirenpde.fields.hard import HardField, HardFunction, Trial, tried
from sirenpde.fields.layout import Layout
from sirenpde.fields.scope import Surroundings
from sirenpde.fields.unknowns import UnknownNumbers


class Ansatz(nn.Module):
    """The module whose weights are found: points ``(n, d)`` → final fields ``(n, o)``.

    Attributes:
        network: Points ``(n, d)`` → raw fields ``(n, o)``.
        unknowns: The unknown numbers, trained together with the network.
        layout: Fields and coordinates.
        hard: Field → the hard function that is used in place of its raw values, as it was tried.

    Raises:
        ProblemError: If a hard condition names no field, has another shape than its field, does not depend on the raw
            field, or fails.

    Example:
        >>> from sirenpde.fields.siren import Siren
        >>> raw = Siren(width=8, depth=1).build(inputs=1, outputs=1)
        >>> walls = {"u": lambda a, u: (1 - a.x**2) * u}
        >>> ansatz = Ansatz(raw, Layout({"u": None}, ("x",)), walls, trial=torch.rand(8, 1))
        >>> bool((ansatz(torch.tensor([[-1.0], [1.0]])) == 0).all())
        True
    """

    network: nn.Module
    unknowns: UnknownNumbers

    def __init__(
        self,
        network: nn.Module,
        layout: Layout,
        hard: Mapping[str, HardFunction] | None = None,
        unknowns: UnknownNumbers | None = None,
        *,
        knowns: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
        trial: Tensor | None = None,
        where: str = "the problem",
    ) -> None:
        """Compose the parts, and try the hard conditions.

        Args:
            network: Points ``(n, d)`` → raw fields ``(n, o)``.
            layout: Fields and coordinates.
            hard: Field → function of ``(a, u)``; ``a`` reads coordinates, knowns and unknown numbers, and u is the raw
                field, ``(n,)`` or ``(n, c)``.
            unknowns: The unknown numbers; none if left out.
            knowns: Name → function of points ``(n, d)``, for the hard conditions.
            trial: A few points ``(n, d)`` of the domain, at least three, spread over it; needed where there are hard
                conditions, which are tried on them.
            where: What messages call the problem: ``problem "burgers"``.
        """
        super().__init__()
        self.network = network
        self.unknowns = unknowns if unknowns is not None else UnknownNumbers({})
        self.layout = layout
        self.hard = self._tried(hard or {}, knowns or {}, trial, where)

    @property
    def order(self) -> int:
        """The highest derivative of the raw fields that the hard conditions take."""
        return max((field.order for field in self.hard.values()), default=0)

    def field_of(self, column: int) -> HardField | None:
        """Return the hard condition of a column of the final fields; None where it is the raw one."""
        for name, field in self.hard.items():
            columns = self.layout.columns(name)
            if columns.start <= column < columns.stop:
                return field
        return None

    def forward(self, points: Tensor) -> Tensor:
        """Return the final fields, ``(n, d)`` → ``(n, o)``."""
        if not self.hard:
            return self.network(points)  # type: ignore[no-any-return]
        differentiates = self.order > 0
        with torch.set_grad_enabled(differentiates or torch.is_grad_enabled()):
            leaf = points.detach().requires_grad_() if differentiates and not points.requires_grad else points
            raw = Autodiff(self.network, leaf)
            numbers = self.unknowns.values()
            columns = [
                self.hard[name].of_raw(self.hard[name].scope(raw, numbers)).reshape(len(points), -1)
                if name in self.hard
                else raw.values[:, self.layout.columns(name)]
                for name in self.layout.fields
            ]
            final = torch.cat(columns, dim=1)
        return final if torch.is_grad_enabled() else final.detach()

    def coefficients(self, points: Tensor) -> Tensor:
        """Return f and g of the affine hard conditions, f + g u, side by side: ``(n, d)`` → ``(n, 2 o)``."""
        raw, numbers = Autodiff(self.network, points), self.unknowns.values()
        offsets, factors = [], []
        for name in self.layout.fields:
            field = self.hard.get(name)
            if field is not None and field.affine:
                parts = field.parts(field.scope(raw, numbers))
                offset, factor = (part.reshape(len(points), -1) for part in parts)
            else:
                columns = self.layout.columns(name)
                offset = points.new_zeros(len(points), columns.stop - columns.start)
                factor = torch.ones_like(offset)
            offsets.append(offset)
            factors.append(factor)
        return torch.cat([*offsets, *factors], dim=1)

    def _tried(
        self,
        hard: Mapping[str, HardFunction],
        knowns: Mapping[str, Callable[[Tensor], Tensor]],
        trial: Tensor | None,
        where: str,
    ) -> dict[str, HardField]:
        if not hard:
            return {}
        if trial is None or len(trial) < 3:
            msg = f"{where} has hard conditions, which need at least three trial points of the domain."
            raise ProblemError(msg)
        trying = Trial(self.layout, self.unknowns, trial)
        own = Layout({}, self.layout.coordinates)
        fields = {}
        for name, function in hard.items():
            if name not in self.layout.fields:
                known, near = ", ".join(self.layout.fields), suggestion(name, self.layout.fields)
                msg = f'{where} gives hard "{name}", but its fields are {known}.{near}'
                raise ProblemError(msg)
            surroundings = Surroundings(f'hard "{name}" of {where}', own, knowns, self.unknowns.names)
            fields[name] = tried(name, function, surroundings, self.layout, trying)
        return fields
