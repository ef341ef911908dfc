"""What lets a card decide: a sealed permission for one ticket, issued with the card.

A nonce names a trade, the digest of its ticket, the round in which it was asked and its own end.
It works once because a round can be decided once: the verdict is stored at the version of the
trade that was looked at, and a trade that is asked again is in the next round. So the use of a
nonce is consumed with the verdict itself, for every server of the database at the same time.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState

from config.errors import RefusedError

LIFETIME: Final = timedelta(minutes=15)
_PURPOSE: Final = b"council card nonce v1"
_RELOAD: Final = "load the list again and decide on the new card"


@dataclass(frozen=True, slots=True)
class Shown:
    """The ticket that a card shows: which trade, which content, asked for which time."""

    trade_id: str
    digest: str
    round: int


def issue_nonce(shown: Shown, keys: Iterable[bytes], *, now: datetime) -> str:
    """Return a nonce for the ticket that is shown, good until `LIFETIME` after `now`."""
    expires_at = (now + LIFETIME).timestamp()
    content = [shown.trade_id, shown.digest, shown.round, expires_at]
    return _codec(keys).seal(json.dumps(content).encode())


def check_nonce(nonce: str, shown: Shown, keys: Iterable[bytes], *, now: datetime) -> None:
    """Refuse a nonce that was not issued for exactly the ticket `shown`, or not lately.

    Raises:
        RefusedError: naming why, and what to do.
    """
    trade_id, digest, asked_round, expires_at = _opened(nonce, keys)
    if trade_id != shown.trade_id:
        raise RefusedError("The card's nonce belongs to another trade.")
    if now.timestamp() >= expires_at:
        raise RefusedError(f"The card is older than 15 minutes: {_RELOAD}.")
    if (digest, asked_round) != (shown.digest, shown.round):
        raise RefusedError(f"The ticket is no longer the one on the card: {_RELOAD}.")


def _opened(nonce: str, keys: Iterable[bytes]) -> list[Any]:
    try:
        content: list[Any] = json.loads(_codec(keys).unseal(nonce))
    except (InvalidRequestState, ValueError) as error:
        raise RefusedError(
            f"The nonce was not issued by this council, or under another key: {_RELOAD}."
        ) from error
    return content


def _codec(keys: Iterable[bytes]) -> AESGCMRequestStateCodec:
    """Seal under keys of our own, so that the state of a form never passes for a nonce."""
    return AESGCMRequestStateCodec([hmac.digest(key, _PURPOSE, "sha256") for key in keys])
