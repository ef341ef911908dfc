"""The daily look at every open trade: its frozen rules, profit and peers, and nothing else.

What the rules can settle is settled without a model. Whatever is to change becomes a trade that
waits for a person and goes stale at the next slot. No research reaches a checkpoint, and no market
table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from config.clock import NEW_YORK
from config.errors import UnreachableError
from config.ids import meaning_id
from council.context import WeekContext
from council.errors import NoPrice
from council.events import CheckpointAbstained, CheckpointTaken
from council.fact import Fact
from council.llm.questions import checkpoint_question
from council.model.base import Direction
from council.model.checkpoint import Action, Checkpoint, CheckpointAnswer, IndicatorReading
from council.model.ticket import Ticket
from council.parallel import all_at_once
from council.ports import Abstained, Deps
from council.risk.bets import Bet
from council.stages.propose import share_for
from council.stages.seen_prices import SeenPrices, seen_prices
from council.trade_facts import TradeProposed
from council.trading.desks import holdings_now
from council.trading.open_trades import OpenTrade, open_trades
from council.trading.readings import (
    event_of,
    frozen_indicators,
    frozen_invalidation,
    read_again,
    reference_of,
    staying_reason,
)
from council.trading.tickets import Desire, Holdings, TicketTerms, build_ticket

NO_SESSION_LIFETIME: Final = timedelta(hours=3)
"""How long a ticket stands that was written outside of sessions, on an exchange always open."""

_SHARE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class _Look:
    """One open trade at one slot, with what is known of it; `peers` are the others, unnamed.

    `price` is that of one share, `proxy_price` the volatility proxy's; `bets` are what all accounts
    hold, for sizing alone.
    """

    trade: OpenTrade
    slot: str
    price: Decimal
    readings: tuple[IndicatorReading, ...]
    invalidation: tuple[IndicatorReading, ...]
    proxy_price: Decimal | None
    peers: tuple[Mapping[str, object], ...]
    bets: tuple[Bet, ...]
    event: str | None = None


async def checkpoint(context: WeekContext, deps: Deps, *, slot: str) -> tuple[Fact, ...]:
    """Look at every open trade that was not looked at yet in this `slot` (HH:MM, New York) today.

    Raises:
        UnreachableError: no venue answers.
    """
    trades = await open_trades(context, deps)
    done = {taken.checkpoint.checkpoint_id for taken in context.checkpoints}
    due = [
        trade
        for trade in trades
        if checkpoint_id(context.week_id, trade.account, slot=slot, at=deps.clock.now()) not in done
    ]
    prices = await seen_prices(due, context, deps)
    looks = [
        _look_at(trade, context, deps, slot=slot, prices=prices, trades=trades) for trade in due
    ]
    return tuple(fact for facts in await all_at_once(looks) for fact in facts)


def checkpoint_id(week_id: str, account: str, *, slot: str, at: datetime) -> UUID:
    """Return the id of the look at `account` in `slot` on the New York day of `at`."""
    day = at.astimezone(NEW_YORK).date()
    return meaning_id("checkpoint", week_id, account, day, slot)


def _peers(trade: OpenTrade, trades: Sequence[OpenTrade]) -> tuple[Mapping[str, object], ...]:
    return tuple(
        {
            "instrument": other.position.symbol,
            "direction": other.held.value,
            "conviction": float(other.conviction),
            "profit_fraction": round(other.profit_fraction, 4),
        }
        for other in trades
        if other.account != trade.account
    )


async def _look_at(
    trade: OpenTrade,
    context: WeekContext,
    deps: Deps,
    *,
    slot: str,
    prices: SeenPrices,
    trades: Sequence[OpenTrade],
) -> tuple[Fact, ...]:
    """Let the rules settle what they can, else ask the author."""
    try:
        price = prices.of(trade)
    except (NoPrice, UnreachableError) as error:
        model = deps.models.model_for(trade.account)
        return (_abstained(trade, context, deps, slot=slot, model=model, reason=str(error)),)
    seen = _Look(
        trade=trade,
        slot=slot,
        price=price,
        readings=read_again(frozen_indicators(trade.account, context), prices.numbers),
        invalidation=read_again(frozen_invalidation(trade.account, context), prices.numbers),
        proxy_price=prices.proxy_price,
        peers=_peers(trade, trades),
        bets=tuple(Bet(t.account, t.position.symbol, t.held.sign) for t in trades),
    )
    staying, event = _by_the_rules(seen, context, deps)
    if staying:
        stay = CheckpointAnswer(
            action=Action.STAY, conviction_after=trade.conviction, reason_delta=staying
        )
        return (_taken(seen, stay, context, deps),)
    return await _ask(replace(seen, event=event), context, deps)


def _by_the_rules(seen: _Look, context: WeekContext, deps: Deps) -> tuple[str | None, str | None]:
    """Return why no opinion is needed, or None; and the event that calls for one, or None."""
    trade, rules = seen.trade, deps.config.risk.checkpoint
    snapshot, symbol = context.frozen_snapshot, trade.position.symbol
    proxy = snapshot.volatility_proxy
    reference = reference_of(
        trade.position.average_entry_price,
        trade.looks,
        carried_out=trade.proposal.source_id if trade.is_complete else None,
        proxy_price=proxy.last_close if proxy else None,
    )
    event = event_of(snapshot, reference, proxy_price=seen.proxy_price, event_atr=rules.event_atr)
    staying = staying_reason(
        seen.readings,
        reference,
        price=seen.price,
        atr_usd=snapshot.number(f"{symbol}.atr_14"),
        quiet_atr=rules.quiet_atr,
        invalidation=seen.invalidation,
        event=event,
    )
    return staying, event


async def _ask(seen: _Look, context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Let the author decide; what it wants to change becomes a trade that waits."""
    trade = seen.trade
    reply = await deps.models.ask(
        checkpoint_question(
            trade.account,
            context,
            deps.config,
            slot=seen.slot,
            taken_on=deps.clock.now().astimezone(NEW_YORK).date(),
            held=trade.held,
            position=_position(seen),
            readings=seen.readings,
            invalidation=seen.invalidation,
            peers=seen.peers,
        )
    )
    if isinstance(reply, Abstained):
        model, reason = reply.model, reply.reason
        return (_abstained(trade, context, deps, slot=seen.slot, model=model, reason=reason),)
    taken = _taken(seen, reply.answer, context, deps, model=reply.model)
    if reply.answer.action is Action.STAY:
        return (taken,)
    try:
        holdings = await holdings_now(trade.desk, trade.position.symbol)
    except (NoPrice, UnreachableError) as error:
        model, reason = reply.model, str(error)
        return (_abstained(trade, context, deps, slot=seen.slot, model=model, reason=reason),)
    desire = _desire(seen, reply.answer, holdings, context, deps=deps)
    terms = _terms(seen, taken.checkpoint, deps)
    return (taken, _proposed(build_ticket(desire, holdings, terms), taken.checkpoint, reply.model))


def _position(seen: _Look) -> dict[str, object]:
    trade, position = seen.trade, seen.trade.position
    return {
        "instrument": position.symbol,
        "direction": trade.held.value,
        "quantity": int(position.quantity),
        "average_price": float(position.average_entry_price),
        "last_price": float(seen.price),
        "profit_usd": float(position.unrealized_profit),
        "profit_fraction": round(trade.profit_fraction, 4),
        "conviction": float(trade.conviction),
    }


def _taken(
    seen: _Look,
    answer: CheckpointAnswer,
    context: WeekContext,
    deps: Deps,
    *,
    model: str | None = None,
) -> CheckpointTaken:
    trade, now = seen.trade, deps.clock.now()
    return CheckpointTaken(
        week_id=context.week_id,
        account=trade.account,
        checkpoint=Checkpoint(
            checkpoint_id=checkpoint_id(context.week_id, trade.account, slot=seen.slot, at=now),
            week_id=context.week_id,
            slot=seen.slot,
            taken_at=now,
            account=trade.account,
            trade_id=trade.proposal.trade_id,
            action=answer.action,
            conviction_before=trade.conviction,
            conviction_after=answer.conviction_after,
            reason_delta=answer.reason_delta,
            indicators=seen.readings,
            invalidation=seen.invalidation,
            profit_usd=str(trade.position.unrealized_profit),
            price_usd=str(seen.price),
            proxy_price_usd=None if seen.proxy_price is None else str(seen.proxy_price),
            event=seen.event,
            decided_by="model" if model else "rules",
            model=model,
        ),
    )


def _abstained(
    trade: OpenTrade, context: WeekContext, deps: Deps, *, slot: str, model: str, reason: str
) -> CheckpointAbstained:
    now = deps.clock.now()
    return CheckpointAbstained(
        week_id=context.week_id,
        account=trade.account,
        checkpoint_id=checkpoint_id(context.week_id, trade.account, slot=slot, at=now),
        slot=slot,
        model=model,
        reason=reason.rstrip("."),
    )


def _desire(
    seen: _Look, answer: CheckpointAnswer, holdings: Holdings, context: WeekContext, *, deps: Deps
) -> Desire:
    """Return what the account is to hold instead."""
    symbol, held = seen.trade.position.symbol, int(seen.trade.position.quantity)
    after = answer.conviction_after
    if answer.action is Action.EXIT:
        return Desire(symbol, Direction.FLAT, after, Decimal(0), target_quantity=0)
    if answer.action is Action.REDUCE:
        half = int(held / 2)
        equity = holdings.equity_usd
        share = abs(half) * holdings.price / equity if equity > 0 else Decimal(0)
        return Desire(symbol, seen.trade.held, after, share.quantize(_SHARE_STEP), half)
    opposite = Direction.SHORT if held > 0 else Direction.LONG
    risk, snapshot = deps.config.risk, context.frozen_snapshot
    own = Bet(seen.trade.account, symbol, opposite.sign)
    share_or_none = share_for(own, after, bets=seen.bets, risk=risk, snapshot=snapshot)
    return Desire(symbol, opposite, after, share_or_none or Decimal(0))


def _terms(seen: _Look, taken: Checkpoint, deps: Deps) -> TicketTerms:
    trade_id = meaning_id("trade", taken.week_id, taken.account, taken.checkpoint_id)
    band = deps.config.risk.approval.price_band
    return TicketTerms(trade_id, taken.week_id, band, stale_at(seen.slot, deps))


def _proposed(ticket: Ticket, taken: Checkpoint, model: str) -> TradeProposed:
    return TradeProposed(
        week_id=taken.week_id,
        trade_id=ticket.trade_id,
        account=taken.account,
        model=model,
        source_id=taken.checkpoint_id,
        ticket=ticket,
    )


def stale_at(slot: str, deps: Deps) -> datetime:
    """Return when a ticket of `slot` goes stale: at the next slot of the day, else at the close."""
    now = deps.clock.now()
    today = now.astimezone(NEW_YORK).date()
    session = deps.calendar.session_on(today)
    later = [time for time in deps.config.schedule.checkpoints if f"{time:%H:%M}" > slot]
    slots = [datetime.combine(today, time, tzinfo=NEW_YORK) for time in later]
    ends = (*slots, *((session.close_at,) if session else ()))
    return min((end for end in ends if end > now), default=now + NO_SESSION_LIFETIME)
