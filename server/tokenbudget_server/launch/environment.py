"""What a child process gets of our environment: what is named here, and nothing else.

The environment of a process can be read by its user, goes on to whatever it starts, and shows in crash reports: a
secret is where it is needed, and nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_SYSTEM = (
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|XDG_\w+|VIRTUAL_ENV|CONDA_\w+|PYTHON\w+"
    r"|LD_LIBRARY_PATH|DYLD_\w+|MALLOC_\w+|SSL_CERT_(FILE|DIR)|COLUMNS|NO_COLOR|TERM"
    r"|(OMP|OPENBLAS|MKL|NUMEXPR|POLARS|RAYON|TOKIO)_\w+"
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA"
)
_PROXIES = r"https?_proxy|all_proxy|no_proxy|HTTPS?_PROXY|ALL_PROXY|NO_PROXY"
_OBJECT_STORES = r"(AWS|AZURE|GOOGLE|GCS|GCP)_\w+"
_SETTINGS = "REDIS_URL|RETENTION|LEDGER|DEMO|ADMIN_KEY|PRICE_URL|PRICE_SYNC"
API = re.compile(rf"{_SYSTEM}|{_PROXIES}|{_OBJECT_STORES}|PG[A-Z]+|TOKENBUDGET_({_SETTINGS})")
"""Names of what the API needs: how it is set, libpq's variables, and the credentials of its object store."""
PANEL = re.compile(rf"{_SYSTEM}|TOKENBUDGET_(TZ|PANEL_ORIGINS)")
"""Names of what the Panel needs; the key that it asks with is handed to it in another way."""


def allowed(names: re.Pattern[str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables whose names fit.

    Examples
    --------
    >>> allowed(PANEL, {"PATH": "/bin", "TOKENBUDGET_ADMIN_KEY": "secret", "OPENAI_API_KEY": "secret"})
    {'PATH': '/bin'}
    """
    return {name: value for name, value in environment.items() if names.fullmatch(name)}
