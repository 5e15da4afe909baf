"""``python -m tokenbudget`` and the ``tokenbudget`` script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command."""
    if sys.argv[1:2] == ["statusline"] and not {"-h", "--help"}.intersection(sys.argv):
        from tokenbudget.imports.statusline import main as statusline  # Without click, which takes as long as the rest.

        sys.exit(statusline(sys.argv[2:]))
    from tokenbudget.cli import main as commands

    commands(prog_name="tokenbudget")


if __name__ == "__main__":
    main()
