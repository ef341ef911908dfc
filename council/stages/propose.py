"""The stage that turns pitches and the decision into tickets for a person: one trade per account.

An account whose venue is away or refuses gets none this week, nor does one whose trade would break
a limit: it is never made smaller. The others go on; only where every venue is away is the stage
left unfinished, to be run again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from broker.models import VenueName
from config.errors import CouncilError, UnreachableError
from config.ids import trade_id_for
from config.schema import RiskFile, SizingPolicy
from config.weeks import council_week
from council.context import WeekContext
from council.events import NoTicket
from council.fact import Fact
from council.model.base import Direction
from council.model.market import MarketSnapshot
from council.model.ticket import Ticket
from council.parallel import all_at_once
from council.ports import Deps, Desk, Progress
from council.risk.bets import Bet, signed_correlations
from council.risk.limits import ticket_breach
from council.risk.sizing import equity_share
from council.trade_facts import TradeProposed
from council.trading.account_legs import AccountLedger
from council.trading.checks import Standing, whole_positions
from council.trading.desks import holdings_of, look
from council.trading.history import instruments_entered
from council.trading.tickets import Desire, TicketTerms, build_ticket

ALWAYS_OPEN_LIFETIME: Final = timedelta(hours=24)
"""How long a ticket stands at least where the simulated exchange ignores market hours."""


LOOK_PAUSES: Final = (timedelta(seconds=1), timedelta(seconds=3), timedelta(seconds=10))
"""How long a venue that did not answer is left alone before it is looked at again."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one account's author wants to hold; `source_id` is the pitch, None for the decision."""

    account: str
    model: str
    source_id: UUID | None
    instrument: str
    direction: Direction
    conviction: Decimal


async def propose(context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Write a ticket for every pitch and for the decision; the others get a reason instead.

    Raises:
        UnreachableError: every venue that was asked is away; nothing is proposed.
    """
    wishes = [_wish_of(account.nickname, context) for account in deps.config.managers]
    wishes.append(_council_wish(deps.config.chairman.nickname, context))
    bets = await _bets(wishes, deps)
    results = await all_at_once([_proposal(wish, bets, context, deps) for wish in wishes])
    _check_reach(results)
    facts = tuple(_fact(result, context) for result in results)
    tickets = sum(isinstance(fact, TradeProposed) for fact in facts)
    deps.tell(Progress("propose", f"{tickets} tickets wait for approval", tickets, len(facts)))
    return facts


def share_for(
    own: Bet, conviction: Decimal, *, bets: Sequence[Bet], risk: RiskFile, snapshot: MarketSnapshot
) -> Decimal | None:
    """Return the share of equity by the policy in force; None where it lacks a volatility.

    `bets` are those of all accounts, whether wished for or held.
    """
    volatility = snapshot.number(f"{own.instrument}.realised_volatility_20d")
    correlations = signed_correlations(own, bets, snapshot)
    return equity_share(conviction, risk, volatility=volatility, correlations=correlations)


@dataclass(frozen=True, slots=True)
class _Failed:
    """An account without a ticket; `away` where its venue did not answer."""

    account: str
    reason: str
    away: UnreachableError | None = None


_Result = TradeProposed | _Failed


def _wish_of(account: str, context: WeekContext) -> Wish | _Failed:
    pitch = context.pitch_of(account)
    if pitch is None:
        gaps = context.pitch_abstentions
        reason = next((gap.reason for gap in gaps if gap.account == account), "no pitch was made")
        return _Failed(account, f"it abstained from pitching ({reason})")
    return Wish(
        account, pitch.model, pitch.idea_id, pitch.instrument, pitch.direction, pitch.conviction
    )


def _council_wish(account: str, context: WeekContext) -> Wish | _Failed:
    decision = context.decision
    if decision is None:
        reason = context.no_decision.reason if context.no_decision else "nothing was decided"
        return _Failed(account, f"there is no decision ({reason})")
    trade = decision.selected_trade
    return Wish(
        account, decision.model, None, trade.instrument, trade.direction, decision.conviction
    )


def _expiry(week_id: str, venue: VenueName, deps: Deps) -> datetime:
    week = council_week(week_id, deps.calendar, deps.config.schedule)
    if not deps.always_open or venue is not VenueName.SIMULATED:
        return week.last_entry_at
    return max(week.last_entry_at, deps.clock.now() + ALWAYS_OPEN_LIFETIME)


async def _proposal(
    wish: Wish | _Failed, bets: Sequence[Bet], context: WeekContext, deps: Deps
) -> _Result:
    if isinstance(wish, _Failed):
        return wish
    desk = deps.desks.get(wish.account)
    if desk is None:
        return _Failed(wish.account, deps.refused_accounts.get(wish.account, "it has no venue"))
    desire = _desire(wish, bets, context, deps)
    if desire is None:
        return _Failed(wish.account, f"the volatility of {wish.instrument} is unknown")
    entered = await _entered(wish.account, context, deps)
    try:
        standing = await _looked(desk, wish.instrument, deps)
        holdings = holdings_of(desk, standing, wish.instrument)
    except UnreachableError as error:
        return _Failed(wish.account, str(error), away=error)
    except CouncilError as error:
        return _Failed(wish.account, str(error))
    ticket = build_ticket(desire, holdings, _terms(wish, context, desk, deps))
    broken = ticket_breach(ticket, entered, deps.config.risk.limits)
    return _Failed(wish.account, broken.reason) if broken else _proposed(wish, ticket)


async def _looked(desk: Desk, instrument: str, deps: Deps) -> Standing:
    """Look at an account, again after a pause where its venue did not answer.

    An account without a ticket has none for the whole week: that must not hang on one lost answer.

    Raises:
        UnreachableError: the venue stayed away.
    """
    for pause in LOOK_PAUSES:
        try:
            return await look(desk, instrument, deps.clock)
        except UnreachableError:
            await deps.clock.sleep(pause)
    return await look(desk, instrument, deps.clock)


def _desire(wish: Wish, bets: Sequence[Bet], context: WeekContext, deps: Deps) -> Desire | None:
    share = share_for(
        _bet(wish),
        wish.conviction,
        bets=bets,
        risk=deps.config.risk,
        snapshot=context.frozen_snapshot,
    )
    if share is None:
        return None
    return Desire(wish.instrument, wish.direction, wish.conviction, share)


def _terms(wish: Wish, context: WeekContext, desk: Desk, deps: Deps) -> TicketTerms:
    trade_id = trade_id_for(context.week_id, wish.account)
    expires_at = _expiry(context.week_id, desk.venue.name, deps)
    return TicketTerms(trade_id, context.week_id, deps.config.risk.approval.price_band, expires_at)


async def _entered(account: str, context: WeekContext, deps: Deps) -> frozenset[str]:
    ledger = await AccountLedger.opened(deps, account)
    return instruments_entered(ledger.legs.of_week(context.week_id), context.week_id)


async def _bets(wishes: Sequence[Wish | _Failed], deps: Deps) -> tuple[Bet, ...]:
    """Return what the accounts wish for and what they hold, where sizing asks for it."""
    if deps.config.risk.sizing_policy is not SizingPolicy.VOLATILITY_TARGET:
        return ()
    wished = (_bet(wish) for wish in wishes if isinstance(wish, Wish) and wish.direction.sign)
    held = await all_at_once([_held(desk) for desk in deps.desks.values()])
    return (*wished, *(bet for bets in held for bet in bets))


def _bet(wish: Wish) -> Bet:
    return Bet(wish.account, wish.instrument, wish.direction.sign)


async def _held(desk: Desk) -> tuple[Bet, ...]:
    """Return what the account holds; of one whose venue is away only its wish is known."""
    try:
        positions = whole_positions(await desk.venue.positions())
    except CouncilError:
        return ()
    account = desk.account.nickname
    return tuple(Bet(account, symbol, 1 if q > 0 else -1) for symbol, q in positions.items())


def _proposed(wish: Wish, ticket: Ticket) -> TradeProposed:
    return TradeProposed(
        week_id=ticket.week_id,
        trade_id=ticket.trade_id,
        account=wish.account,
        model=wish.model,
        source_id=wish.source_id,
        ticket=ticket,
    )


def _check_reach(results: Sequence[_Result]) -> None:
    """Leave the stage unfinished where no ticket exists only because no venue answers."""
    away = [r.away for r in results if isinstance(r, _Failed) and r.away is not None]
    if away and not any(isinstance(result, TradeProposed) for result in results):
        raise away[0]


def _fact(result: _Result, context: WeekContext) -> Fact:
    if isinstance(result, TradeProposed):
        return result
    reason = result.reason.rstrip(".")
    return NoTicket(week_id=context.week_id, account=result.account, reason=reason)
