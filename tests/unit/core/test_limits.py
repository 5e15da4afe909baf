import pytest

from tokenbudget.core.limits import is_storable, storable


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("gpt-4o", None, "gpt-4o"),
        ("日本 🍕 é\t\n", None, "日本 🍕 é\t\n"),
        ("a\ud83d", None, "a\ufffd"),
        ("\udc00a", None, "\ufffda"),
        ("a\0b\0", None, "a\ufffdb\ufffd"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("a\ud83dcdefg", 6, "a\ufffdcde…"),
    ],
)
def test_text_is_made_storable(text: str, most: int | None, expected: str) -> None:
    made = storable(text, most)
    assert made == expected
    assert is_storable(made)
    assert storable(made, most) is made
    assert is_storable(text) == (storable(text) is text)
