"""The one statement that stores events: it drops duplicates and keeps the rollups, exactly once, or does nothing.

Everything is ordered by key, so that two writers that meet the same rows wait for each other in the same order
instead of locking each other out.
"""

from __future__ import annotations

from tokenbudget_server.store.rows import EVENT_COLUMNS, KIND_COLUMNS, EventColumn


def _names(columns: tuple[EventColumn, ...]) -> str:
    return ", ".join(column.name for column in columns)


def _arrays(columns: tuple[EventColumn, ...]) -> str:
    return ", ".join(f"%({column.name})s" for column in columns)


_NAMES = _names(EVENT_COLUMNS + KIND_COLUMNS)
_VALUES = ", ".join(column.value.format(column.name) for column in EVENT_COLUMNS + KIND_COLUMNS)
# A left join, as it keeps the order of the events.
_SENT = f"""unnest({_arrays(EVENT_COLUMNS)}, %(kind)s) AS e ({_names(EVENT_COLUMNS)}, kind)
    LEFT JOIN unnest({_arrays(KIND_COLUMNS)}) WITH ORDINALITY AS k ({_names(KIND_COLUMNS)}, number)
    ON number = kind + 1"""

_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_TOKEN_NAMES = ", ".join(_TOKENS)
_TOKEN_SUMS = ", ".join(f"coalesce(sum({name}), 0)" for name in _TOKENS)
# As analytics counts them: a failed call that states no usage was not charged.
UNPRICED = """count(*) FILTER (WHERE cost_usd IS NULL AND NOT
           (status = 'error' AND input_tokens IS NULL AND output_tokens IS NULL))"""


def _added(*names: str) -> str:
    return ", ".join(f"{name} = t.{name} + excluded.{name}" for name in names)


INSERT = f"""
WITH ins AS (
    INSERT INTO events (project_id, {_NAMES})
    SELECT %(project_id)s, {_VALUES} FROM {_SENT}
    ON CONFLICT (project_id, occurred_at, id) DO NOTHING
    RETURNING occurred_at, id, api_key_id, provider, model, operation, status, measured, cost_usd, {_TOKEN_NAMES}
), quarter_hours AS (
    INSERT INTO usage_15m AS t (project_id, bucket, api_key_id, provider, model, operation, status, shard,
                                requests, unpriced, estimated, cost_usd, {_TOKEN_NAMES})
    SELECT %(project_id)s, date_bin('15 min', occurred_at, '2020-01-01 00:00+00'), api_key_id, provider, model,
           operation, status, %(shard)s, count(*), {UNPRICED}, count(*) FILTER (WHERE measured = 'estimated'),
           coalesce(sum(cost_usd), 0), {_TOKEN_SUMS}
    FROM ins GROUP BY 2, 3, 4, 5, 6, 7 ORDER BY 2, 3, 4, 5, 6, 7
    ON CONFLICT (project_id, bucket, api_key_id, provider, model, operation, status, shard)
    DO UPDATE SET {_added("requests", "unpriced", "estimated", "cost_usd", *_TOKENS)}
), days AS (
    INSERT INTO spend_day AS t (project_id, day, api_key_id, shard, requests, unpriced, cost_usd, rev)
    SELECT %(project_id)s, (occurred_at AT TIME ZONE 'UTC')::date, api_key_id, %(shard)s,
           count(*), {UNPRICED}, coalesce(sum(cost_usd), 0), 1
    FROM ins GROUP BY 2, 3 ORDER BY 2, 3
    ON CONFLICT (project_id, day, api_key_id, shard)
    DO UPDATE SET {_added("requests", "unpriced", "cost_usd", "rev")}
)
SELECT count(*),
       CASE WHEN count(*) < %(sent)s THEN array_agg(occurred_at) END,
       CASE WHEN count(*) < %(sent)s THEN array_agg(id) END
FROM ins
"""  # noqa: S608 - put together of the names of columns
"""Parameters: ``project_id``, ``shard``, ``sent`` (rows), an array for each column, and ``kind``: for each event the
place of its kind, from 0 on, in the arrays of `KIND_COLUMNS`.

The answer is the number of events stored; where some were there before, the times and ids of those stored follow.
Counting them is right on Citus too, where the number of affected rows is not.
"""
