"""The ticket: exactly what a person approves, sealed by a digest."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Self
from uuid import UUID

from broker.models import PositionIntent, Side, VenueName
from council.model.base import Conviction, Direction, Value

LegName = Literal["close", "open"]


class TicketLeg(Value):
    """One order of the trade: whole shares > 0."""

    leg: LegName
    symbol: str
    side: Side
    quantity: int
    position_intent: PositionIntent


class Ticket(Value):
    """What approving means: legs, size, price band, expiry. `digest` seals all other fields."""

    trade_id: UUID
    week_id: str
    account: str
    account_number: str
    venue: VenueName
    instrument: str
    direction: Direction
    conviction: Conviction
    equity_usd: Decimal
    equity_share: Decimal
    """The share of equity that the sizing policy allows, a fraction."""
    target_quantity: int
    """The signed position in `instrument` when the trade is done."""
    notional_usd: Decimal
    reference_price: Decimal
    lowest_price: Decimal
    highest_price: Decimal
    """Outside of lowest to highest the approval is void and asked again."""
    legs: tuple[TicketLeg, ...]
    expires_at: datetime
    digest: str

    @classmethod
    def sealed(cls, **fields: Any) -> Self:
        """Build a ticket and compute its digest."""
        unsealed = cls(**fields, digest="")
        return unsealed.model_copy(update={"digest": unsealed.computed_digest()})

    def computed_digest(self) -> str:
        """Return the sha-256, in hex, of the canonical JSON of every field but the digest."""
        body = self.model_dump(mode="json", exclude={"digest"})
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def confirmation(self) -> str:
        """Return the phrase a person types, such as "APPROVE COUNCIL SHORT 120 TLT 7f3a"."""
        size = abs(self.target_quantity)
        return f"APPROVE {self.account} {self.direction} {size} {self.instrument} {self.digest[:4]}"
