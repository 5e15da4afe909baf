"""How the calls of an agent are billed: what ``config.toml`` says of it, else what its transcripts tell.

::

    [billing]
    codex = "api"
    claude-code = { default = "subscription", "~/.claude-work" = "api", usd_per_month = 100 }
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast, get_args

from tokenbudget.config import CONFIG_FILE, read_file
from tokenbudget.core.errors import ConfigError
from tokenbudget.core.event import Billing

_SETTING = "billing"
_DEFAULT = "default"
_FEE = "usd_per_month"


class BillingRules:
    """What the user set.

    Parameters
    ----------
    home : Path
        TokenBudget's directory.
    override : str, optional
        Counts before all.

    Raises
    ------
    ConfigError
        If a setting is not understood.
    """

    def __init__(self, home: Path, override: Billing | None = None) -> None:
        self._override = override
        self._accounts: dict[str, dict[str, Billing]] = {}
        self.fees: dict[str, Decimal] = {}
        """US dollars a month of an agent's plan."""
        for agent, told in _table(read_file(home).get(_SETTING, {}), _SETTING).items():
            rules = {_DEFAULT: told} if isinstance(told, str) else _table(told, f"{_SETTING}.{agent}")
            if _FEE in rules:
                self.fees[agent] = _fee(agent, rules[_FEE])
            self._accounts[agent] = {
                key if key == _DEFAULT else str(Path(key).expanduser()): _checked(f"{_SETTING}.{agent}", value)
                for key, value in rules.items()
                if key != _FEE
            }

    def of(self, agent: str, account: str, told: Billing | None) -> Billing:
        """Return how a call is billed.

        Parameters
        ----------
        agent, account : str
            Name of the agent, and its directory: each account has one of its own.
        told : str or None
            What the transcript says.
        """
        rules = self._accounts.get(agent, {})
        return self._override or rules.get(account) or rules.get(_DEFAULT) or told or "unknown"


def _table(value: Any, name: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    msg = f'{CONFIG_FILE}: {name} must be a table, e.g. claude-code = "subscription" under [{_SETTING}]'
    raise ConfigError(msg)


def _checked(name: str, value: Any) -> Billing:
    if value in get_args(Billing):
        return cast("Billing", value)
    msg = f"{CONFIG_FILE}: {name} must be one of {', '.join(get_args(Billing))}, got {value!r}"
    raise ConfigError(msg)


def _fee(agent: str, value: Any) -> Decimal:
    if type(value) in (int, float) and value > 0:
        return Decimal(str(value))
    msg = f"{CONFIG_FILE}: {_SETTING}.{agent}.{_FEE} must be what the plan costs a month in US dollars, got {value!r}"
    raise ConfigError(msg)
