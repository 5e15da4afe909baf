"""What is taken for an email address."""

import pytest

from tokenbudget_server.web.email_address import normalized_email


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada.Lovelace+tb@Mail.Example.ORG\n", "ada.lovelace+tb@mail.example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("ada@localhost", "ada@localhost"),
        ("josé@exämple.org", "josé@exämple.org"),
    ],
)
def test_addresses_are_stored_in_lower_case(text, email):
    assert normalized_email(text) == email


@pytest.mark.parametrize(
    "text",
    [
        *("", "ada", "@example.org", "ada@", "ada@@example.org", "a b@example.org", "ada@exa mple.org"),
        *("ada@example..org", "ada@.example.org", "ada@-example.org", "ada@example.org.", "<ada@example.org>"),
        *("ada@example.org,bob@example.org", "ada\0@example.org", "ada@example.org\r\nBcc: x@y.z"),
        "a" * 65 + "@example.org",
        "ada@" + "a" * 64 + ".org",
        "ada@" + "a." * 125 + "org",
    ],
)
def test_what_is_none_is_refused(text):
    assert normalized_email(text) is None
