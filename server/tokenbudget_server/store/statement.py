"""The one statement that stores events: it drops duplicates and keeps the rollups, exactly once, or does nothing.

Whether an event is new is decided by its id alone (``event_ids``): a duplicate may come with another time.

Everything is ordered by key, so that two writers that meet the same rows wait for each other in the same order
instead of locking each other out.
"""

from __future__ import annotations

from tokenbudget_server.store.rows import EVENT_COLUMNS, KIND_COLUMNS, EventColumn

PARAMETERS = ("project_id", "shard", "sent", "kind", *(column.name for column in EVENT_COLUMNS + KIND_COLUMNS))
"""What the statement takes, in order: ``sent`` is the number of rows, ``kind`` the place, from 0 on, of each event's
kind in the arrays of `KIND_COLUMNS`; the rest are arrays."""
_PLACE = {name: f"${number}" for number, name in enumerate(PARAMETERS, 1)}


def _names(columns: tuple[EventColumn, ...]) -> str:
    return ", ".join(column.name for column in columns)


def _arrays(columns: tuple[EventColumn, ...]) -> str:
    return ", ".join(_PLACE[column.name] for column in columns)


_NAMES = _names(EVENT_COLUMNS + KIND_COLUMNS)
_VALUES = ", ".join(column.value.format(column.name) for column in EVENT_COLUMNS + KIND_COLUMNS)
# A left join, as it keeps the order of the events.
_SENT = f"""unnest({_arrays(EVENT_COLUMNS)}, {_PLACE["kind"]}) AS e ({_names(EVENT_COLUMNS)}, kind)
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


_ON_CONFLICT = "ON CONFLICT (project_id, occurred_at, id) DO NOTHING"


def _statement(on_conflict: str = "") -> bytes:
    return f"""
WITH fresh AS (
    INSERT INTO event_ids (project_id, id, occurred_at)
    SELECT {_PLACE["project_id"]}, id, occurred_at FROM unnest({_PLACE["id"]}, {_PLACE["occurred_at"]})
           AS s (id, occurred_at)
    ON CONFLICT (project_id, id) DO NOTHING
    RETURNING id
), ins AS (
    INSERT INTO events (project_id, {_NAMES})
    SELECT {_PLACE["project_id"]}, {_VALUES} FROM {_SENT}
    WHERE (SELECT count(*) FROM fresh) = {_PLACE["sent"]} OR e.id IN (SELECT id FROM fresh)
    {on_conflict}
    RETURNING occurred_at, id, api_key_id, provider, model, operation, status, measured, cost_usd, {_TOKEN_NAMES}
), quarter_hours AS (
    INSERT INTO usage_15m AS t (project_id, bucket, api_key_id, provider, model, operation, status, shard,
                                requests, unpriced, estimated, cost_usd, {_TOKEN_NAMES})
    SELECT {_PLACE["project_id"]}, date_bin('15 min', occurred_at, '2020-01-01 00:00+00'), api_key_id, provider, model,
           operation, status, {_PLACE["shard"]}, count(*), {UNPRICED}, count(*) FILTER (WHERE measured = 'estimated'),
           coalesce(sum(cost_usd), 0), {_TOKEN_SUMS}
    FROM ins GROUP BY 2, 3, 4, 5, 6, 7 ORDER BY 2, 3, 4, 5, 6, 7
    ON CONFLICT (project_id, bucket, api_key_id, provider, model, operation, status, shard)
    DO UPDATE SET {_added("requests", "unpriced", "estimated", "cost_usd", *_TOKENS)}
), days AS (
    INSERT INTO spend_day AS t (project_id, day, api_key_id, shard, requests, unpriced, cost_usd, rev)
    SELECT {_PLACE["project_id"]}, (occurred_at AT TIME ZONE 'UTC')::date, api_key_id, {_PLACE["shard"]},
           count(*), {UNPRICED}, coalesce(sum(cost_usd), 0), 1
    FROM ins GROUP BY 2, 3 ORDER BY 2, 3
    ON CONFLICT (project_id, day, api_key_id, shard)
    DO UPDATE SET {_added("requests", "unpriced", "cost_usd", "rev")}
)
SELECT count(*), CASE WHEN count(*) < {_PLACE["sent"]} THEN array_agg(id) END FROM ins
""".encode()  # noqa: S608 - put together of the names of columns


INSERT = _statement()
"""Takes events of which no two have the same id.

The answer is the number of events stored; where some were there before, the ids of those stored follow.  Counting them
is right on Citus too, where the number of affected rows is not.
"""
INSERT_BESIDE_OLDER = _statement(_ON_CONFLICT)
"""The same, where events are stored whose ids are not: by a server of an earlier version, while it was replaced."""
