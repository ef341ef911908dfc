"""What every approval leaves in log and trace: who, through what, for which ticket.

The trace names the approval's event, and so do the executor's legs, which are traces of their own.
"""

import structlog

from config import telemetry
from council.codec import event_id_of
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
        correlation_id=f"week-{fact.week_id}",
        trade_id=str(fact.trade_id),
        ticket=ticket_line(ticket),
        notional_usd=str(ticket.notional_usd),
        approver=fact.approver,
        channel=fact.channel,
        trust=fact.trust,
        undo=f"council revoke {fact.trade_id}",
    )
    telemetry.say(
        {
            "correlation_id": f"week-{fact.week_id}",
            "account": fact.account,
            "trade": str(fact.trade_id),
            "channel": fact.channel,
            "trust": fact.trust,
            "approval_event_id": str(event_id_of(fact)),
        }
    )
