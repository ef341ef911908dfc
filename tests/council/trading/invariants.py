"""What must hold after every run, whatever went wrong in it; the numbers are those of the rules."""

from collections.abc import Sequence

from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import (
    LegClosed,
    LegIntended,
    TradeApproved,
    TradeCompleted,
    TradeIncomplete,
)
from tests.council.trading.scenes import facts_of, venue_of


async def check_invariants(deps: Deps, ticket: Ticket) -> None:
    """Assert I1 to I6 for a trade that is over, the only one of its account."""
    venue = venue_of(deps, ticket.account)
    account_facts = await facts_of(deps, f"account-{ticket.account}")
    trade_facts = await facts_of(deps, f"trade-{ticket.trade_id}")
    intents = [fact for fact in account_facts if isinstance(fact, LegIntended)]
    closes = [fact for fact in account_facts if isinstance(fact, LegClosed)]

    lines = [(intent.trade_id, intent.leg, intent.attempt) for intent in intents]
    assert len(set(lines)) == len(lines), "I1: at most one order per trade, leg and attempt"
    assert len(venue.orders) <= len(intents), "I1: at most one venue order per intent"
    intended = {intent.client_order_id for intent in intents}
    assert set(venue.orders) <= intended, "I2: every venue order was intended first"

    ending = trade_facts[-1]
    assert isinstance(ending, TradeCompleted | TradeIncomplete), "I3: the trade is over"
    if isinstance(ending, TradeCompleted):
        held = venue.held.get(ticket.instrument, 0)
        assert held == ticket.target_quantity, "I3: the position is what was approved"
    approvals = [fact for fact in trade_facts if isinstance(fact, TradeApproved)]
    assert approvals or not venue.orders, "I4: no order without an approval"

    filled = {close.client_order_id: close.filled_quantity for close in closes}
    at_venue = {key: int(order.filled_quantity) for key, order in venue.orders.items()}
    recorded = {key: count for key, count in filled.items() if key in at_venue}
    assert recorded == at_venue, "I5: recorded fills are the venue's"

    for intent in intents:
        if intent.leg == "open":
            before = account_facts[: account_facts.index(intent)]
            unfilled = _unfilled_closes(before)
            assert not unfilled, "I6: an opening leg follows filled closing legs only"


def _unfilled_closes(facts: Sequence[object]) -> set[str]:
    """Return the symbols whose closing is not complete in `facts`."""
    open_quantities: dict[str, int] = {}
    for fact in facts:
        if isinstance(fact, LegIntended) and fact.leg == "close":
            open_quantities[fact.symbol] = abs(fact.start_quantity)
        if isinstance(fact, LegClosed):
            open_quantities[fact.symbol] = abs(fact.position_quantity)
    return {symbol for symbol, left in open_quantities.items() if left}
