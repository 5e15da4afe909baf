import pytest

from tests.unit.imports.transcripts import claude, write
from tokenbudget.imports.retention import retention_warnings


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        (None, 30),
        ("{}", 30),
        ('{"cleanupPeriodDays": 90}', 90),
        ('{"cleanupPeriodDays": 3650}', None),
        ("not json", 30),
    ],
)
def test_an_agent_that_deletes_transcripts_is_named_with_the_line_to_change(machine, settings, days):
    write(machine.folder("claude-code") / "s1.jsonl", claude())
    path = machine.home / "claude" / "settings.json"
    if settings is not None:
        path.write_text(settings)
    said = retention_warnings()
    assert len(said) == (days is not None)
    if days:
        assert f"after {days} days" in said[0]
        assert f'put "cleanupPeriodDays": 3650 into {path}' in said[0]


def test_nothing_is_said_where_there_are_no_transcripts(machine):
    assert retention_warnings() == []
