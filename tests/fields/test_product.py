"""Leibniz' rule on forms: the derivative of a product, term by term."""

import pytest
import torch
from zoo import points_in

from sirenpde.fields.autodiff import evaluate_forms
from sirenpde.fields.forms import added, component, differentiated, scaled, splits
from sirenpde.fields.product import Expanded, Product, expanded


def u(names="", column=0):
    form = component(column, 2)
    for name in names:
        form = differentiated(form, "xy".index(name))
    return form


def total(*parts):
    form = ()
    for part in parts:
        form = added(form, part)
    return form


def test_a_multi_index_is_split_in_every_way_with_its_binomials():
    assert list(splits((2, 1))) == [
        ((0, 0), (2, 1), 1),
        ((0, 1), (2, 0), 1),
        ((1, 0), (1, 1), 2),
        ((1, 1), (1, 0), 2),
        ((2, 0), (0, 1), 1),
        ((2, 1), (0, 0), 1),
    ]


def test_the_laplacian_of_a_product_asks_for_the_laplacian_as_one_form():
    laplacian = total(u("xx"), u("yy"))
    assert expanded(laplacian, {0}) == Expanded(
        plain=(),
        offset=laplacian,
        products=(
            Product(0, (0, 0), laplacian),
            Product(0, (0, 1), scaled(u("y"), 2.0)),
            Product(0, (0, 2), u()),
            Product(0, (1, 0), scaled(u("x"), 2.0)),
            Product(0, (2, 0), u()),
        ),
    )


def test_components_that_are_not_hard_stay_as_they_are():
    form = total(u("x"), scaled(u("y", 1), 3.0))
    found = expanded(form, {1})
    assert found.plain == u("x")
    assert found.offset == scaled(u("y", 1), 3.0)
    assert expanded(form, ()) == Expanded(form, (), ())


@pytest.mark.parametrize(
    "form",
    [
        u(),
        u("x"),
        u("xxxy"),
        total(u("xx"), scaled(u("xy"), -0.5), scaled(u("y"), 2.0), u()),
        total(u("xxyy"), u("xxxx"), scaled(u("x", 1), 4.0), u("yy", 1)),
        total(u("x", 1), u("y", 2), u("x", 2)),
    ],
)
def test_the_expansion_has_the_value_of_the_form(form):
    raw = lambda p: torch.stack(
        [torch.sin(2 * p[:, 0] - p[:, 1]), torch.exp(p[:, 0] * p[:, 1]), torch.cos(p[:, 0])], dim=1
    )
    offset = lambda p: torch.stack([torch.exp(p[:, 1]), p[:, 0] ** 3, 0 * p[:, 0]], dim=1)
    factor = lambda p: torch.stack([1 - p[:, 0] ** 2 * p[:, 1], torch.sin(p[:, 1]), 1 + 0 * p[:, 0]], dim=1)
    points = points_in(2).requires_grad_()
    parts = expanded(form, {0, 1})
    value = lambda function, wanted: evaluate_forms(function, points, [wanted])[wanted]
    found = value(raw, parts.plain) + value(offset, parts.offset)
    for each in parts.products:
        found = found + value(factor, ((((each.column, each.alpha)), 1.0),)) * value(raw, each.raw)
    final = lambda p: offset(p) + factor(p) * raw(p)
    torch.testing.assert_close(found, value(final, form), rtol=1e-12, atol=1e-11)
