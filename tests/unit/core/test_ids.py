from datetime import UTC, datetime

from tokenbudget.core.ids import uuid7, uuid7_unix_ms


def test_ids_sort_by_time_and_never_repeat() -> None:
    ids = [uuid7() for _ in range(2000)]
    assert len(set(ids)) == len(ids)
    stamps = [uuid7_unix_ms(i) for i in ids]
    assert stamps == sorted(stamps)
    assert abs(stamps[-1] / 1000 - datetime.now(UTC).timestamp()) < 60
    assert {i[14] for i in ids} == {"7"}
    assert {i[19] for i in ids} <= set("89ab")
