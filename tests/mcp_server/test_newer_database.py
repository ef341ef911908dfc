"""A program that is older than the events of its database (row D7) does not start."""

from pathlib import Path

import pytest

from config.settings import Settings
from mcp_server.wiring import Terms, opened_store
from store.errors import DatabaseNewer
from store.event_store import PostgresEventStore
from store.pool import open_pool
from tests.store.builders import make_event


async def test_an_event_of_a_newer_version_keeps_an_older_program_from_starting(
    database_dsn: str, tmp_path: Path
) -> None:
    settings, terms = Settings(council_home=tmp_path), Terms(dsn=database_dsn)
    async with opened_store(settings, terms) as app:
        assert app.deps.store is not None
    async with await open_pool(
        database_dsn, min_size=1, max_size=1, command_timeout_seconds=10
    ) as pool:
        await PostgresEventStore(pool, lambda _: ()).append("a", [make_event(kind="Foretold")])

    with pytest.raises(DatabaseNewer, match=r"\(Foretold\): update the program"):
        async with opened_store(settings, terms):
            pytest.fail("it opened")
