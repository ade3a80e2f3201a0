"""Balance between terms: gradients of one size, and a record that stays the user's."""

import math

import pytest

from sirenpde.training.balance import Balance


def shares(balance):
    return [each / balance.multipliers[0] for each in balance.multipliers]


def test_the_first_look_makes_the_gradients_equal():
    balance, norms = Balance(), [100.0, 1.0, 4.0]
    balance.update(norms, [1.0, 1.0, 1.0])
    products = [factor * norm for factor, norm in zip(balance.multipliers, norms, strict=True)]
    assert products == pytest.approx([products[0]] * 3)


def test_the_total_stays_what_it_is():
    balance, terms = Balance(), [2.0, 0.5, 0.25]
    for norms in ([100.0, 1.0, 4.0], [3.0, 2.0, 1.0]):
        balance.update(norms, terms)
        weighed = math.fsum(factor * term for factor, term in zip(balance.multipliers, terms, strict=True))
        assert weighed == pytest.approx(math.fsum(terms))


def test_later_looks_are_averaged_in_ratios():
    balance = Balance(memory=0.9)
    balance.update([1.0, 1.0], [1.0, 1.0])
    balance.update([1.0, 1e-2], [1.0, 1.0])
    assert shares(balance) == pytest.approx([1.0, 100.0**0.1])


def test_no_ratio_is_beyond_the_largest():
    balance = Balance(most=50.0)
    balance.update([1.0, 1e-9, 0.0], [1.0, 1.0, 1.0])
    assert shares(balance) == pytest.approx([1.0, 50.0, 50.0])


@pytest.mark.parametrize("norms", [[math.nan, 1.0], [math.inf, 1.0], [0.0, 0.0]])
def test_gradients_that_say_nothing_change_nothing(norms):
    balance = Balance()
    balance.update([1.0, 2.0], [1.0, 1.0])
    before = list(balance.multipliers)
    balance.update(norms, [1.0, 1.0])
    assert balance.multipliers == before


def test_terms_that_vanish_leave_the_shares():
    balance = Balance()
    balance.update([1.0, 2.0], [0.0, 0.0])
    assert balance.multipliers == pytest.approx([2.0, 1.0])
