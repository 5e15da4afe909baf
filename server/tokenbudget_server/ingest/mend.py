r"""Mend JSON whose texts hold what JSON in UTF-8 cannot: half of a surrogate pair, or bytes that are not UTF-8.

JavaScript may send such a half as ``\ud83d``.  Each is replaced by U+FFFD, written as nobody else writes it, so that
what was mended can be told from what was sent.  Nothing is read for it: the text is searched, three times at most.
"""

from __future__ import annotations

import re

from tokenbudget_server.web.errors import TokenBudgetServerError

LARGEST_MENDED = 256 * 2**10
MOST_MENDED = 10_000
MARK = rb"\uFfFd"
_HALF = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_NO_UTF8 = re.compile("[\udc80-\udcff]")
_TEXT_MARK = MARK.decode().replace("\\", r"\\")
_MARK = MARK.replace(b"\\", rb"\\")


class NotMendableError(TokenBudgetServerError):
    """What cannot be read is too large, or too much of it would have to be replaced; the message says what to do."""


def mend(body: bytes) -> bytes:
    r"""Replace what JSON in UTF-8 cannot hold by `MARK`.

    Raises
    ------
    NotMendableError
        If it is larger than 256 KiB, or more than 10,000 characters would have to be replaced.

    Examples
    --------
    >>> mend(rb'["\ud83d", "\ud83d\ude00"]')
    b'["\\uFfFd", "\\ud83d\\ude00"]'
    """
    if len(body) > LARGEST_MENDED:
        raise NotMendableError(f"In more than {LARGEST_MENDED // 2**10} KiB no text is mended: send fewer events")
    text = body.decode("utf-8", "surrogateescape")
    bytes_replaced = halves_replaced = 0
    if not text.isascii():
        text, bytes_replaced = _NO_UTF8.subn(_TEXT_MARK, text, count=MOST_MENDED + 1)
        _refuse_more_than_the_most(bytes_replaced)
        body = text.encode()
    # An escaped backslash is written in another way, so that each that is left begins an escape.
    body, halves_replaced = _HALF.subn(_MARK, body.replace(rb"\\", rb"\u005c"), count=MOST_MENDED + 1)
    _refuse_more_than_the_most(bytes_replaced + halves_replaced)
    return body


def _refuse_more_than_the_most(count: int) -> None:
    if count > MOST_MENDED:
        raise NotMendableError(f"More than {MOST_MENDED} characters are not text in UTF-8: encode it as UTF-8")
