"""Write docs/reference/problems.md from the server's table of problems, or compare it with ``--check``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from tokenbudget_server.app import create_app
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.openapi_descriptions import problem_table
from tokenbudget_server.web.problems import Problems

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "problems.md"
HEAD = """# Problems

<!-- Written by docs/generate_problems.py from tokenbudget_server.web.problems and the features. -->

The server reports errors as [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details, with the media type
`application/problem+json`:

```json
{"type": "/problems/invalid-period", "title": "The period cannot be understood", "status": 400, "detail": "…"}
```

Programs should use `type`, which does not change between versions. `title` and `detail` are for people and may change;
`detail` says what was wrong and what to do. `errors` lists the invalid fields, with the `index` of the event if there
are several. After 503, retry after `Retry-After` seconds: no event is lost or stored twice. The `type` `about:blank`
means no more than the status.

"""


def page() -> str:
    """Return the text of the page."""
    application = create_app(Settings(home=ROOT, database_url="postgresql://localhost/unused"))  # Never connected to.
    problems = cast("Problems", application.exception_handlers[Exception])
    return HEAD + problem_table(problems.types)


def main(args: Sequence[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" not in args:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is out of date. What to do: python3 dev.py docs")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
