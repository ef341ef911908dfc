"""The connection is cut at every message of an append (row D1): stored once, told or repeated."""

from collections import Counter
from datetime import timedelta

import pytest

from store.errors import StoreUnavailable
from store.event_store import PostgresEventStore
from store.events import NewEvent
from store.pool import StorePool, open_pool
from store.projector import verify
from tests.store.builders import credited, make_event, opened, project_ledger
from tests.system.tcp_proxy import Proxy, running_proxy

LONGEST_APPEND_MESSAGES = 400
"""More than any append takes: connecting, learning the types, and the append itself."""


async def _no_nap(duration: timedelta) -> None:
    """Come back at once: the wire is whole again."""


class _Client:
    """A store whose every connection goes through the proxy."""

    def __init__(self, proxy: Proxy, dsn: str) -> None:
        self._proxy = proxy
        self._dsn = proxy.dsn(dsn)

    async def open(self) -> tuple[StorePool, PostgresEventStore]:
        self._proxy.mend()
        pool = await open_pool(self._dsn, min_size=1, max_size=1, command_timeout_seconds=10)
        return pool, PostgresEventStore(pool, project_ledger, sleep=_no_nap)


def _events(name: str) -> tuple[NewEvent, ...]:
    return (opened(name), credited(name, "1.5"), make_event(f"last of {name}"))


async def _cut_everywhere(
    dsn: str, pool: StorePool, *, stays_cut: bool
) -> tuple[Counter[str], int]:
    """Cut each append at its next message; what was cut, and how often it was stored by then."""
    direct = PostgresEventStore(pool, project_ledger)
    cuts: Counter[str] = Counter()
    stored_when_cut = 0
    async with running_proxy(dsn) as proxy:
        client = _Client(proxy, dsn)
        for number in range(1, LONGEST_APPEND_MESSAGES):
            name = f"s{number}"
            cut_pool, store = await client.open()
            proxy.cut_before(number, stays_cut=stays_cut)
            told = await _append(store, name)
            stored_when_cut += bool(stays_cut and await direct.read_stream(name))
            if told is None:
                proxy.mend()
                told = await store.append(name, _events(name), 0)
            assert await direct.read_stream(name) == told
            assert [event.version for event in told] == [1, 2, 3]
            await cut_pool.close()
            if not proxy.was_cut:
                return cuts, stored_when_cut
            cuts[proxy.cut_in] += 1
    pytest.fail("an append has more messages than this test cuts")


async def _append(store: PostgresEventStore, name: str) -> object:
    """Append; None where the caller was told that the database is away."""
    try:
        return await store.append(name, _events(name), 0)
    except StoreUnavailable:
        return None


async def test_an_append_cut_at_any_message_is_stored_once(
    database_dsn: str, pool: StorePool
) -> None:
    cuts, _ = await _cut_everywhere(database_dsn, pool, stays_cut=False)

    report = await verify(pool)

    assert sum(cuts.values()) > 20
    assert {"client Q", "server C", "server Z", "client B", "server D"} <= set(cuts)
    assert report.is_intact
    assert report.events == 3 * (sum(cuts.values()) + 1)


async def test_who_was_told_that_the_database_is_away_may_repeat_the_append(
    database_dsn: str, pool: StorePool
) -> None:
    cuts, stored_when_cut = await _cut_everywhere(database_dsn, pool, stays_cut=True)

    report = await verify(pool)

    assert 0 < stored_when_cut < sum(cuts.values())
    assert report.is_intact
    assert report.events == 3 * (sum(cuts.values()) + 1)
