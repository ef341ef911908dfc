"""One thing changed in any event of a log (row D6): the verifier names the event.

A superuser who takes the triggers away can change a row; the chain of hashes still tells.
"""

import asyncpg

from store.event_store import PostgresEventStore
from store.pool import StorePool
from store.projector import verify
from tests.store.builders import credited, make_event, opened

_FLIPPED_BYTE = "set_byte({0}, 7, get_byte({0}, 7) # 1)"
CHANGES = {
    "stream": "stream || 'x'",
    "version": "version + 100",
    "event_id": "gen_random_uuid()",
    "event_type": "overlay(event_type PLACING chr(ascii(event_type) # 1) FROM 1 FOR 1)",
    "week_id": "'2026-11-19'",
    "account_id": "NULL",
    "correlation_id": "correlation_id || ' '",
    "parent_event_id": "NULL",
    "timestamp": "timestamp + '1us'",
    "payload": "jsonb_set(payload, ARRAY[(SELECT min(k) FROM jsonb_object_keys(payload) k)], '[]')",
    "previous_hash": _FLIPPED_BYTE.format("previous_hash"),
    "hash": _FLIPPED_BYTE.format("hash"),
}
"""By column, what stands there instead; in the hashes and the kind it is one bit."""
EVENTS = 10


async def test_a_change_of_any_column_of_any_event_is_named(
    pool: StorePool, postgres_store: PostgresEventStore
) -> None:
    await _append(postgres_store)
    events = await pool.fetch("SELECT * FROM events ORDER BY position")
    found: dict[str, tuple[int | None, ...]] = dict.fromkeys(CHANGES, ())

    for column, change in CHANGES.items():
        for event in events:
            await _change(pool, f'"{column}" = {change}', event["position"])
            found[column] += ((await verify(pool)).first_bad_position,)
            await _put_back(pool, column, event)

    assert found == dict.fromkeys(CHANGES, tuple(range(1, EVENTS + 1)))
    assert (await verify(pool)).is_intact


async def test_every_flipped_letter_of_a_payload_is_named(
    pool: StorePool, postgres_store: PostgresEventStore
) -> None:
    await _append(postgres_store)
    event = await pool.fetchrow("SELECT *, payload::text AS written FROM events WHERE position = 4")
    letters = [place for place, letter in enumerate(event["written"]) if letter.isalnum()]
    found = []

    for place in letters:
        written = event["written"]
        flipped = written[:place] + chr(ord(written[place]) ^ 1) + written[place + 1 :]
        await _change(pool, f"payload = '{flipped}'", 4)
        found.append((await verify(pool)).first_bad_position)
    await _put_back(pool, "payload", event)

    assert len(letters) > 20
    assert found == [4] * len(letters)
    assert (await verify(pool)).is_intact


async def test_a_tail_that_is_cut_off_is_seen_by_the_head_that_was_published(
    pool: StorePool, postgres_store: PostgresEventStore
) -> None:
    await _append(postgres_store)
    published = (await verify(pool)).head

    await _as_superuser(pool, "DELETE FROM events WHERE position > 7")
    report = await verify(pool)

    assert report.is_intact
    assert report.events == 7
    assert report.head != published


_OFF = "ALTER TABLE events DISABLE TRIGGER events_are_append_only"
_ON = "ALTER TABLE events ENABLE ALWAYS TRIGGER events_are_append_only"


async def _append(store: PostgresEventStore) -> None:
    await store.append("a", [opened("X"), credited("X", "1.5"), credited("X", "2.5")])
    for number in range(EVENTS - 3):
        payload = {"name": "somebody", "price": "12.50", "n": number}
        await store.append(f"s{number % 2}", [make_event(str(number), payload=payload)])


async def _change(pool: StorePool, change: str, position: int) -> None:
    sql = f"UPDATE events SET {change} WHERE position = {position}"  # noqa: S608 - our own text
    await _as_superuser(pool, sql)


async def _as_superuser(pool: StorePool, sql: str) -> None:
    await pool.execute(f"{_OFF}; {sql}; {_ON}")


async def _put_back(pool: StorePool, column: str, event: asyncpg.Record) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_OFF)
        await connection.execute(
            f'UPDATE events SET "{column}" = $1 WHERE position = $2',  # noqa: S608 - our own
            event[column],
            event["position"],
        )
        await connection.execute(_ON)
