"""How much an assistant may pass approvals on for: one trade, and all of one New York day.

What was relayed and still stands counts; what was revoked or voided does not. A ticket that only
closes or reduces has no cap and counts nothing: getting out must never wait. The caps are asked at
the approval, and by the executor before anything is sent: they may have been lowered since.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from config.clock import NEW_YORK
from config.errors import RefusedError
from config.schema import ApprovalConfig
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import Channel
from council.trading.lifecycle import TradeState, TradeStatus, load_trade
from store.ports import EventStore

RELAYED: Final = frozenset({"api", "elicitation", "tool", "app_card"})
"""Channels through which a program or a model passes on what a person said."""

_UNSETTLED: Final = frozenset({TradeStatus.PENDING.value, TradeStatus.APPROVED.value})
"""Only these trades' approvals can still come or go."""


@dataclass(frozen=True, slots=True)
class RelayedDay:
    """What assistants passed on that day beside the trade at hand, in US dollars.

    `versions` are those at which the trades were read that could still change the sum: whoever
    stores an approval on the condition that they stand passes the cap together with nobody.
    """

    total_usd: Decimal
    versions: Mapping[str, int]


async def relayed_today(trade_id: UUID, deps: Deps) -> RelayedDay:
    """Sum up what was relayed on the present New York day, but for the trade `trade_id`."""
    today, total, versions = _day(deps.clock.now()), Decimal(0), dict[str, int]()
    for row in await deps.store.rows("trades"):
        if str(row["trade_id"]) == str(trade_id):
            continue
        if row["status"] not in _UNSETTLED:
            total += _usd(row) if _relayed_on(row) == today else 0
            continue
        state = await load_trade(deps.store, UUID(str(row["trade_id"])))
        versions[f"trade-{state.trade_id}"] = state.version
        total += _at_stake(state.proposal.ticket) if _passed_on(state) == today else 0
    return RelayedDay(total, versions)


async def streams_within_caps(ticket: Ticket, channel: Channel, deps: Deps) -> Mapping[str, int]:
    """Return the versions that the day's sum rests on; none where no cap binds.

    A person's own channel has no cap, and nor has getting out.

    Raises:
        RefusedError: an assistant may not pass on the approval of this ticket, today or ever.
    """
    if channel not in RELAYED or not _opens(ticket):
        return {}
    others = await relayed_today(ticket.trade_id, deps)
    broken = over_caps(ticket, others.total_usd, deps.config.risk.approval)
    if broken is not None:
        raise RefusedError(
            f"Not approved: {broken}; approve on the web page, or with `council approve` in a "
            "terminal."
        )
    return others.versions


def over_caps(ticket: Ticket, others_usd: Decimal, caps: ApprovalConfig) -> str | None:
    """Return which cap relaying the approval of `ticket` breaks, as a clause, or None."""
    if not _opens(ticket):
        return None
    asked = f"{ticket.notional_usd:,.2f} USD"
    if ticket.notional_usd > caps.relayed_trade_usd:
        return (
            f"{asked} is more than the {caps.relayed_trade_usd:,} USD that an assistant may pass on"
            " for one trade (relayed_trade_usd of risk.yaml)"
        )
    if others_usd + ticket.notional_usd > caps.relayed_day_usd:
        return (
            f"{asked} on top of {others_usd:,.2f} USD is more than the {caps.relayed_day_usd:,} USD"
            " that assistants may pass on in one day (relayed_day_usd of risk.yaml)"
        )
    return None


async def no_longer_within_caps(trade: TradeState, deps: Deps) -> str | None:
    """Return which cap in force a relayed approval breaks, or None; a person's own breaks none.

    Of one day's approvals the earlier ones hold and the later ones break the cap.
    """
    day = _passed_on(trade)
    if day is None or trade.approved_at is None:
        return None
    own = (trade.approved_at, str(trade.trade_id))
    earlier_usd = await _relayed_before(own, day, deps.store)
    return over_caps(trade.proposal.ticket, earlier_usd, deps.config.risk.approval)


async def _relayed_before(own: tuple[datetime, str], day: date, store: EventStore) -> Decimal:
    rows = [row for row in await store.rows("trades") if _relayed_on(row) == day]
    earlier = [r for r in rows if (r["approval_timestamp"], str(r["trade_id"])) < own]
    return sum(map(_usd, earlier), Decimal(0))


def _passed_on(state: TradeState) -> date | None:
    """Return the day on which a standing approval was relayed."""
    if state.approved is None or state.approved_at is None or state.approved.channel not in RELAYED:
        return None
    return _day(state.approved_at)


def _relayed_on(row: Mapping[str, Any]) -> date | None:
    # A rejection leaves its channel in the row too, but no instant.
    if row["approval_timestamp"] is None or row["approval_channel"] not in RELAYED:
        return None
    return _day(row["approval_timestamp"])


def _usd(row: Mapping[str, Any]) -> Decimal:
    return _at_stake(Ticket.model_validate(row["ticket"]))


def _at_stake(ticket: Ticket) -> Decimal:
    return ticket.notional_usd if _opens(ticket) else Decimal(0)


def _opens(ticket: Ticket) -> bool:
    """Whether any order of the ticket opens or enlarges a position; others are not sent for it."""
    return any(leg.leg == "open" for leg in ticket.legs)


def _day(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()
