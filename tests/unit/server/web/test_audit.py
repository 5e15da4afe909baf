"""What the audit log does not keep."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from tokenbudget_server.web.audit import MASK, masked

KEY = "tb_ak_0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "name",
    [
        *("password", "new_password", "passwd", "passphrase", "password_hash", "Authorization", "cookie", "set-cookie"),
        *("secret", "client_secret", "hash", "token", "access_token", "csrf-token", "session_token", "credentials"),
        *("api_key", "admin_key", "X-Admin-Key", "private_key", "secret_key"),
    ],
)
def test_secrets_are_masked_by_name_at_any_depth(name):
    assert masked({name: "s"}) == {name: MASK}
    assert masked({"a": [{"b": {name: {"deep": ["s"]}}}]}) == {"a": [{"b": {name: MASK}}]}


@pytest.mark.parametrize(
    "name",
    [
        *("name", "key", "price_key", "public_id", "api_key_id", "scopes", "user_id", "hashtag", "author", "tokens"),
        *("input_tokens", "input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost", "max_tokens"),
    ],
)
def test_what_only_sounds_like_a_secret_is_kept(name):
    assert masked({name: "kept"}) == {name: "kept"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"was {KEY}.", f"was tb_ak_{MASK}."),
        ("sk-proj-abcdefghijklmnop and more", f"sk-{MASK} and more"),
        ("tb_ak_… is what keys look like", "tb_ak_… is what keys look like"),
        ("risk-averse", "risk-averse"),
        ("a\0b", "a\ufffdb"),
    ],
)
def test_keys_in_texts_are_masked(text, kept):
    assert masked([text]) == [kept]
    assert masked({text: 1}) == {kept: 1}


class Change(msgspec.Struct):
    price: Decimal
    at: datetime
    api_key: str = KEY


def test_what_is_recorded_is_json_with_every_digit():
    change = Change(Decimal("0.000000000001"), datetime(2026, 11, 27, tzinfo=UTC))
    assert masked(change) == {"price": "1E-12", "at": "2026-11-27T00:00:00Z", "api_key": MASK}
    assert masked(None) is None
