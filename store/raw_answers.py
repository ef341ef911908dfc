"""Texts by their sha-256 beside the log, which may be thrown away without touching an event."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from config.clock import SystemClock
from store.faults import Sleep, retrying
from store.pool import StorePool

_KEEP: Final = """
INSERT INTO raw_answers (sha256, answer, kept_at) VALUES ($1, $2, $3)
ON CONFLICT (sha256) DO UPDATE SET kept_at = greatest(raw_answers.kept_at, excluded.kept_at)
"""
_FIND: Final = "SELECT sha256, answer FROM raw_answers WHERE sha256 = ANY ($1)"
_PRUNE: Final = """
WITH gone AS (DELETE FROM raw_answers WHERE kept_at < $1 RETURNING octet_length(answer) AS bytes)
SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM gone
"""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many texts were thrown away, and how many bytes they had."""

    count: int
    bytes: int


class PostgresRawAnswers:
    """The `RawAnswers` of production. It owns neither the pool nor its closing."""

    def __init__(self, pool: StorePool, *, sleep: Sleep | None = None) -> None:
        self._pool = pool
        self._sleep = sleep or SystemClock().sleep

    async def keep(self, sha256: str, answer: str, at: datetime) -> None:
        """Keep `answer`; the same one again counts from the later of the two moments."""
        await retrying(lambda: self._pool.execute(_KEEP, sha256, answer, at), self._sleep)

    async def find(self, sha256s: Collection[str]) -> dict[str, str]:
        """Return those of the answers that are still there, by their sha-256."""
        asked = list(sha256s)
        records = await retrying(lambda: self._pool.fetch(_FIND, asked), self._sleep)
        return {record["sha256"]: record["answer"] for record in records}

    async def prune(self, before: datetime) -> Pruned:
        """Throw away what was kept before the moment `before`.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        found = await retrying(lambda: self._pool.fetchrow(_PRUNE, before), self._sleep)
        return Pruned(int(found["count"]), int(found["bytes"]))
