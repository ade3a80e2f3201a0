"""Backward passes that are written by hand for one differentiation, and refuse a second one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch


def differentiable_once(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Make a backward pass raise where its result is to be differentiated again.

    torch's own ``once_differentiable`` raises only if the adjoints require gradients: a loss that is linear in the
    outputs passes it, and what comes back counts as a constant, whose derivative is zero without a word.
    """

    @functools.wraps(backward)
    def guarded(context: Any, *adjoints: Any) -> Any:
        if torch.is_grad_enabled():  # inside a backward pass this is create_graph=True
            msg = (
                "closed-form derivatives of a SIREN can be differentiated once, by its weights, and create_graph=True "
                "asks for more: use nested autograd on the network itself."
            )
            raise RuntimeError(msg)
        return backward(context, *adjoints)

    return guarded
