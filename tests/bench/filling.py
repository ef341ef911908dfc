"""Databases with as many events as one likes: simulated weeks, told again at later dates.

A few weeks are played by `council simulate`. Their events are copied with every date moved, every
id changed and the ids that are computed from others computed anew, so that they fold into rows of
their own. The hashes are real: the program's own hash function runs along the log as an aggregate.
"""

import asyncio
import base64
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from uuid import UUID

from config.ids import trade_id_for
from store.addresses import with_database
from store.cluster import Cluster
from store.pool import connect
from tests.bench.servers import open_folder

Event = tuple[str, str]
"""Its stream and the JSON object that `append_events` takes."""

_TOKEN = re.compile(
    r"\b20\d\d-[01]\d-[0-3]\d|lc-[a-z2-7]{26}"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)
_ORDER_PREFIX = "lc-"
_NAME = "bench"
_DATABASE = f"council_sim_{_NAME}"
_READ = """
SELECT stream, week_id, account_id,
    (to_jsonb(events) - '{position,stream,version,previous_hash,hash}'::text[])::text AS event
FROM events ORDER BY position
"""
_STAGE = """
CREATE TEMP TABLE told (position bigint, stream text, event text);
CREATE AGGREGATE pg_temp.chain (events) (SFUNC = event_hash, STYPE = bytea,
    INITCOND = '\\x0000000000000000000000000000000000000000000000000000000000000000')
"""
_FILL = """
WITH read AS (
    SELECT position, stream, jsonb_populate_record(NULL::events, event::jsonb) AS event FROM told
), numbered AS (
    SELECT ROW(position, stream, row_number() OVER (PARTITION BY stream ORDER BY position),
        (event).event_id, (event).event_type, (event).week_id, (event).account_id,
        (event).correlation_id, (event).parent_event_id, (event).timestamp, (event).payload,
        NULL, NULL)::events AS event
    FROM read
), chained AS (
    SELECT event, pg_temp.chain(event) OVER (ORDER BY (event).position) AS hash FROM numbered
)
INSERT INTO events
SELECT (event).position, (event).stream, (event).version, (event).event_id, (event).event_type,
    (event).week_id, (event).account_id, (event).correlation_id, (event).parent_event_id,
    (event).timestamp, (event).payload,
    lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER (ORDER BY (event).position), hash
FROM chained ORDER BY (event).position
"""


@dataclass(frozen=True)
class Weeks:
    """Some weeks of a simulation, as a text that can be told again."""

    count: int
    events: tuple[Event, ...]
    trades: frozenset[tuple[str, str]]
    """Week and account of what may have the one trade that a week gives an account."""

    def told(self, copy: int) -> Iterator[Event]:
        """Yield the events of the `copy`th telling; the 0th is the first."""
        meant = self._meaning(timedelta(weeks=self.count * copy), copy)
        for pieces in self._pieces:
            # Every second piece is a token; the rest is copied as it is.
            told = "".join(meant[piece] if n % 2 else piece for n, piece in enumerate(pieces))
            stream, _, event = told.partition("\n")
            yield stream, event

    def _meaning(self, later: timedelta, copy: int) -> Mapping[str, str]:
        ids = {token: _shifted(token, copy) for token in self._tokens if len(token) == 36}
        dates = {t: str(date.fromisoformat(t) + later) for t in self._tokens if len(t) == 10}
        for week, account in self.trades:
            ids[str(trade_id_for(week, account))] = str(trade_id_for(dates[week], account))
        orders = {_order_prefix(old): _order_prefix(new) for old, new in ids.items()}
        return dates | orders | ids

    @cached_property
    def _tokens(self) -> frozenset[str]:
        return frozenset(token for pieces in self._pieces for token in pieces[1::2])

    @cached_property
    def _pieces(self) -> tuple[tuple[str, ...], ...]:
        return tuple(
            tuple(re.split(f"({_TOKEN.pattern})", f"{stream}\n{event}"))
            for stream, event in self.events
        )


async def simulated(weeks: int) -> Weeks:
    """Play `weeks` in a home of their own and return what they left in the log."""
    home = open_folder()
    try:
        await _simulate(home, weeks)
        use = await asyncio.to_thread(Cluster(home / "postgres").enter)
        try:
            return await _read(with_database(use.dsn, _DATABASE), weeks)
        finally:
            await asyncio.to_thread(use.leave)
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def fill(dsn: str, weeks: Weeks, count: int) -> None:
    """Put about `count` events into the empty log at `dsn`: whole tellings, at least one."""
    connection = await connect(dsn)
    try:
        await connection.execute(_STAGE)
        position = 0
        for copy in range(max(1, round(count / len(weeks.events)))):
            records = [
                (place, *event) for place, event in enumerate(weeks.told(copy), start=position + 1)
            ]
            await connection.copy_records_to_table("told", records=records)
            position += len(records)
        await connection.execute("ANALYZE told")
        await connection.execute(_FILL)
        await connection.execute("VACUUM ANALYZE events")
    finally:
        await connection.close()


async def _simulate(home: Path, weeks: int) -> None:
    command = ("simulate", "--weeks", str(weeks), "--name", _NAME, "--json")
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mcp_server.start", *command,
        stdout=asyncio.subprocess.PIPE, env=environment | {"COUNCIL_HOME": str(home)},
    )  # fmt: skip
    await process.communicate()
    if process.returncode:
        raise RuntimeError("the simulation failed: read above why")


async def _read(dsn: str, weeks: int) -> Weeks:
    connection = await connect(dsn)
    try:
        records: Sequence[Mapping[str, str]] = await connection.fetch(_READ)
    finally:
        await connection.close()
    pairs = {(record["week_id"], record["account_id"]) for record in records}
    return Weeks(
        count=weeks,
        events=tuple((record["stream"], record["event"]) for record in records),
        trades=frozenset((week, account) for week, account in pairs if week and account),
    )


def _shifted(token: str, copy: int) -> str:
    last = (int(token[-8:], 16) + copy) % 2**32
    return f"{token[:-8]}{last:08x}"


def _order_prefix(trade_id: str) -> str:
    # As config.ids.client_order_id_for begins them.
    return _ORDER_PREFIX + base64.b32encode(UUID(trade_id).bytes).decode().rstrip("=").lower()
