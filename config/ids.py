"""The only home of identifiers: whatever may be retried gets an id computed from its meaning."""

import base64
import uuid
from functools import lru_cache

OWN_ORDER_PREFIX = "lc-"
"""With what every client_order_id of the council begins, and nobody else's should."""

_NAMESPACE = uuid.UUID("6f6b1f0e-3f0c-5d5e-9a57-6c6c6d636f75")


def meaning_id(*parts: object) -> uuid.UUID:
    """Return the uuid5 of `parts`, the same on every machine and in every run."""
    return _id_of("\x1f".join(map(str, parts)))


@lru_cache(maxsize=4096)
def _id_of(meaning: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, meaning)


def random_id() -> uuid.UUID:
    """Return a fresh id for something that nobody will ever retry."""
    return uuid.uuid4()


def trade_id_for(week_id: str, account: str) -> uuid.UUID:
    """Return the id of the one trade that `account` may have in the week `week_id`."""
    return meaning_id("trade", week_id, account)


def client_order_id_for(trade_id: uuid.UUID, leg: str, attempt: int) -> str:
    """Return `lc-{26 characters}-{o|c}{attempt}`: deterministic, so that the venue dedupes retries.

    `leg` is "open" or "close"; Alpaca allows 128 characters and never releases an id.
    """
    compact = base64.b32encode(trade_id.bytes).decode().rstrip("=").lower()
    return f"{OWN_ORDER_PREFIX}{compact}-{leg[0]}{attempt}"
