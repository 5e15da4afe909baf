from decimal import Decimal

import pytest

from tokenbudget.core.errors import ConfigError
from tokenbudget.imports.billing import BillingRules


def rules(tmp_path, text, override=None):
    (tmp_path / "config.toml").write_text(text)
    return BillingRules(tmp_path, override)


def test_the_option_counts_before_the_directory_the_agent_and_the_transcript(tmp_path):
    text = '[billing]\ncodex = "api"\nclaude-code = { default = "subscription", "/work" = "api" }\n'
    known = rules(tmp_path, text)
    assert [known.of("claude-code", account, "unknown") for account in ("/own", "/work")] == ["subscription", "api"]
    assert known.of("codex", "/own", "subscription") == "api"
    assert known.of("gemini", "/own", "subscription") == "subscription"
    assert known.of("gemini", "/own", None) == "unknown"
    assert rules(tmp_path, text, "unknown").of("codex", "/own", "api") == "unknown"


def test_what_a_plan_costs_a_month_is_known_beside(tmp_path):
    known = rules(tmp_path, '[billing]\nclaude-code = { default = "subscription", usd_per_month = 100.5 }\n')
    assert (known.fees, known.of("claude-code", "/", None)) == ({"claude-code": Decimal("100.5")}, "subscription")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('billing = "api"', "billing must be a table"),
        ('[billing]\ncodex = "free"', "billing.codex must be one of api, subscription, unknown, got 'free'"),
        ('[billing]\ncodex = { "/x" = 7 }', "billing.codex must be one of"),
        ("[billing]\ncodex = { usd_per_month = -1 }", "usd_per_month must be what the plan costs"),
    ],
)
def test_a_setting_that_is_not_understood_is_named(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        rules(tmp_path, text)
