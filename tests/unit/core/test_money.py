from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tokenbudget.core import money

amounts = st.decimals(0, 10**7, places=12)


@given(amounts)
def test_dollars_survive_picodollars_to_the_last_digit(amount: Decimal) -> None:
    assert money.from_pico(money.to_pico(amount)) == amount == money.quantize(amount)


@given(st.integers(-(10**18), 10**18))
def test_dollars_are_written_without_an_exponent_where_they_are_whole(pico: int) -> None:
    amount = money.from_pico(pico)
    assert money.to_pico(amount) == pico
    assert amount.as_tuple().exponent <= 0
