"""The line that every approval leaves in the log: who, through what, for which ticket."""

import structlog

from council.model.ticket import Ticket
from council.trade_facts import TradeApproved
from council.trading.relaying import RELAYED
from council.trading.verdicts import ticket_line


def tell_approved(fact: TradeApproved, ticket: Ticket) -> None:
    """Log an approval: a warning where a model passed it on, since no person may have seen it."""
    log = structlog.get_logger("approvals")
    tell = log.warning if fact.channel in RELAYED else log.info
    tell(
        "trade.approved",
        trade_id=str(fact.trade_id),
        ticket=ticket_line(ticket),
        notional_usd=str(ticket.notional_usd),
        approver=fact.approver,
        channel=fact.channel,
        trust=fact.trust,
        undo=f"council revoke {fact.trade_id}",
    )
