"""Which trades of a week are open: carried out, with a position at the venue to show for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from broker.models import Position
from config.errors import UnreachableError
from council.context import WeekContext
from council.model.base import Direction
from council.model.checkpoint import Checkpoint
from council.parallel import all_at_once
from council.ports import Deps, Desk, Progress
from council.trade_facts import TradeProposed
from council.trading.lifecycle import TradeState, TradeStatus, known_trade

_CARRIED_OUT = frozenset({TradeStatus.COMPLETED, TradeStatus.INCOMPLETE})


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A trade with the position that it left; `conviction` is the one now in force.

    `looks` are the earlier ones at the account in the week, oldest first. `is_complete` tells that
    all of the trade was carried out; otherwise its author did not get what it wanted.
    """

    account: str
    desk: Desk
    proposal: TradeProposed
    position: Position
    conviction: Decimal
    looks: tuple[Checkpoint, ...] = ()
    is_complete: bool = True

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
    ids = context.trade_ids
    own = {name: [trade_id for author, trade_id in ids if author == name] for name in names}
    found = await all_at_once([_open_trade(name, own[name], context, deps) for name in names])
    away = [result for result in found if isinstance(result, UnreachableError)]
    if names and len(away) == len(names):
        raise away[0]
    return tuple(result for result in found if isinstance(result, OpenTrade))


async def _open_trade(
    account: str, trade_ids: Sequence[UUID], context: WeekContext, deps: Deps
) -> OpenTrade | UnreachableError | None:
    trade = await _last_carried_out(trade_ids, deps)
    if trade is None:
        return None
    proposal, is_complete = trade.proposal, trade.status is TradeStatus.COMPLETED
    desk = deps.desks[account]
    try:
        positions = await desk.venue.positions()
    except UnreachableError as error:
        deps.tell(Progress("checkpoint", f"{account} cannot be looked at: {error}", 0, 1))
        return error
    looks = tuple(t.checkpoint for t in context.checkpoints if t.account == account)
    for position in positions:
        if position.symbol == proposal.ticket.instrument and int(position.quantity):
            conviction = _conviction(proposal, looks, long=position.quantity > 0)
            return OpenTrade(account, desk, proposal, position, conviction, looks, is_complete)
    return None


async def _last_carried_out(trade_ids: Sequence[UUID], deps: Deps) -> TradeState | None:
    """Return the newest of an account's trades of the week that led to an order."""
    for trade_id in reversed(trade_ids):
        state = await known_trade(trade_id, deps)
        if state.started and state.status in _CARRIED_OUT:
            return state
    return None


def _conviction(proposal: TradeProposed, looks: Sequence[Checkpoint], *, long: bool) -> Decimal:
    """Return the newest conviction, of a checkpoint or the ticket, that agrees with the side."""
    values = (proposal.ticket.conviction, *(look.conviction_after for look in looks))
    agreeing = [value for value in values if value and (value > 0) == long]
    return agreeing[-1] if agreeing else proposal.ticket.conviction
