"""Points of the hash chain that are kept outside of the database, and compared with it later.

The chain alone cannot show that events are missing at its very end; a head that was written down
elsewhere can: the log must still have that event, with that hash.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

import asyncpg

from config.errors import UsageError
from store.faults import translating

_POINT: Final = re.compile(r"(\d{1,18}):([0-9a-f]{16,64})")
_HEAD: Final = "SELECT position, hash FROM events ORDER BY position DESC LIMIT 1"
_HASH_AT: Final = "SELECT hash FROM events WHERE position = $1"


@dataclass(frozen=True, slots=True)
class ChainPoint:
    """An event by its position and its hash in hexadecimal; 0 and "" stand before the first."""

    position: int
    hash: str

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a point as `str` writes it; of the hash at least 16 digits.

        Raises:
            UsageError: it is no such text.
        """
        wanted = text.strip().lower()
        if wanted == "0:":
            return cls(0, "")
        found = _POINT.fullmatch(wanted)
        if found is None:
            raise UsageError(
                f"{text!r} is no head of the log: write POSITION:HASH, as `council db head` does."
            )
        return cls(int(found[1]), found[2])


START: Final = ChainPoint(0, "")


async def head_of(connection: asyncpg.Connection | asyncpg.Pool) -> ChainPoint:
    """Return the newest event of the log, `START` where there is none."""
    with translating():
        record = await connection.fetchrow(_HEAD)
    return START if record is None else ChainPoint(record["position"], record["hash"].hex())


async def missed(connection: asyncpg.Connection | asyncpg.Pool, point: ChainPoint) -> str | None:
    """Return why the log does not have `point`, or None where it does."""
    if point == START:
        return None
    with translating():
        found = await connection.fetchval(_HASH_AT, point.position)
    if found is not None:
        is_same = found.hex().startswith(point.hash)
        return None if is_same else f"the event at position {point.position} has another hash"
    head = await head_of(connection)
    if head.position < point.position:
        return f"the log ends at position {head.position}, and once reached {point.position}"
    return f"the event at position {point.position} is missing"
