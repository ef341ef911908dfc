"""Which trades of a week are open: carried out, with a position at the venue to show for it."""

from dataclasses import dataclass
from decimal import Decimal

from broker.models import Position
from config.errors import UnreachableError
from council.context import WeekContext
from council.model.base import Direction
from council.parallel import all_at_once
from council.ports import Deps, Desk, Progress
from council.trade_facts import TradeProposed
from council.trading.lifecycle import TradeStatus, load_trade

_CARRIED_OUT = frozenset({TradeStatus.COMPLETED, TradeStatus.INCOMPLETE})


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A trade with the position that it left; `conviction` is the one now in force."""

    account: str
    desk: Desk
    proposal: TradeProposed
    position: Position
    conviction: Decimal

    @property
    def held(self) -> Direction:
        """Return the side that is held now."""
        return Direction.LONG if self.position.quantity > 0 else Direction.SHORT

    @property
    def profit_fraction(self) -> float:
        """Return the unrealised profit as a fraction of what the position cost."""
        cost = abs(self.position.quantity) * self.position.average_entry_price
        return float(self.position.unrealized_profit / cost) if cost else 0.0


async def open_trades(context: WeekContext, deps: Deps) -> tuple[OpenTrade, ...]:
    """Return at most one open trade per account, in the order of the accounts.

    Raises:
        UnreachableError: no venue answers. One that is away is told and left out.
    """
    names = [account.nickname for account in deps.config.accounts if account.nickname in deps.desks]
    found = await all_at_once([_open_trade(name, context, deps) for name in names])
    away = [result for result in found if isinstance(result, UnreachableError)]
    if names and len(away) == len(names):
        raise away[0]
    return tuple(result for result in found if isinstance(result, OpenTrade))


async def _open_trade(
    account: str, context: WeekContext, deps: Deps
) -> OpenTrade | UnreachableError | None:
    proposal = await _last_carried_out(account, context, deps)
    if proposal is None:
        return None
    desk = deps.desks[account]
    try:
        positions = await desk.venue.positions()
    except UnreachableError as error:
        deps.tell(Progress("checkpoint", f"{account} cannot be looked at: {error}", 0, 1))
        return error
    for position in positions:
        if position.symbol == proposal.ticket.instrument and int(position.quantity):
            conviction = _conviction(proposal, context, long=position.quantity > 0)
            return OpenTrade(account, desk, proposal, position, conviction)
    return None


async def _last_carried_out(account: str, context: WeekContext, deps: Deps) -> TradeProposed | None:
    """Return the account's newest proposal of the week that led to an order."""
    ids = {fact.trade_id: fact for fact in context.proposals if fact.account == account}
    found = None
    for trade_id in ids:
        state = await load_trade(deps.store, trade_id)
        if state.started and state.status in _CARRIED_OUT:
            found = state.proposal
    return found


def _conviction(proposal: TradeProposed, context: WeekContext, *, long: bool) -> Decimal:
    """Return the newest conviction, of a checkpoint or the ticket, that agrees with the side."""
    later = [
        taken.checkpoint.conviction_after
        for taken in context.checkpoints
        if taken.account == proposal.account
    ]
    agreeing = [
        value for value in (proposal.ticket.conviction, *later) if value and (value > 0) == long
    ]
    return agreeing[-1] if agreeing else proposal.ticket.conviction
