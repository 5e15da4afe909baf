"""Write docs/reference/routes.md from what the routes say they need, or compare it with ``--check``."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from litestar import Litestar
from litestar.routes import HTTPRoute

from tokenbudget_server.accounts.principal import RIGHTS, ApiKey, Principal, Role
from tokenbudget_server.app import create_app
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.authorization import ADMIN_KEY, OPEN, is_allowed, needs_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "routes.md"
HEAD = """# Routes: who may call what

<!-- Written by docs/generate_routes.py from web/authorization.py and the routes of the OpenAPI document. -->

Each route says what it needs of its caller, and `web/authorization.py` decides; a route that says nothing is closed. A
test calls every route as each of these callers and compares the answers with this page.

* **nobody** sends no credential.
* **key: …** are keys of a member with this one scope. One with `admin` acts for its user.
* **viewer, member, admin, owner** are users with this role in the organisation, by a session or a key with all scopes.
  Events are sent with the key of a project, as a session belongs to none.
* **admin key** is the header `X-Admin-Key`.

The table says who may ask. What the answer is about is decided by the caller's organisation, teams and project
(`web/scope.py`): what is not theirs is 404. `GET /api/me/permissions` answers the same for whoever asks.

"""
SCOPES = ("ingest", "import", "read", "admin")
ROLES = ("viewer", "member", "admin", "owner")
CALLERS = ("nobody", *(f"key: {each}" for each in SCOPES), *ROLES, "admin key")


def routes(application: Litestar) -> Iterator[tuple[str, str, str | None]]:
    """Return path, method and needs of the routes in the OpenAPI document."""
    for route in application.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if handler.resolve_include_in_schema():
                    yield route.path_format, str(method), needs_of(handler.opt)


def may(caller: str, method: str, needs: str | None) -> bool:
    """Return whether a caller of the table may call a route."""
    if caller in ("nobody", "admin key"):
        return needs == OPEN or (needs, caller) == (ADMIN_KEY, "admin key")
    scope = caller.removeprefix("key: ")
    is_key = scope != caller
    key = ApiKey(1, "key_1", frozenset({scope}) if is_key else RIGHTS, project_id=1)
    return is_allowed(Principal(1, 1, Role.MEMBER if is_key else Role(caller), (), key), method, needs)


def page() -> str:
    """Return the text of the page."""
    application = create_app(Settings(home=ROOT, database_url="postgresql://localhost/unused"))  # Never connected to.
    lines = [f"| Route | Needs | {' | '.join(CALLERS)} |", "|---|---|" + ":-:|" * len(CALLERS)]
    for path, method, needs in sorted(routes(application), key=lambda each: each[:2]):
        cells = ("✓" if may(caller, method, needs) else "–" for caller in CALLERS)
        lines.append(f"| `{method} {path}` | {needs} | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


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
