"""The daily look at every open trade: frozen indicators, profit and peers, and nothing else.

What the rules can settle is settled without a model. Whatever is to change becomes a trade that
waits for a person and goes stale at the next slot. No research reaches a checkpoint, and no market
table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from council.market.snapshot import current_numbers
from council.model.base import Direction
from council.model.checkpoint import Action, Checkpoint, CheckpointAnswer, IndicatorReading
from council.parallel import all_at_once
from council.ports import Abstained, Deps
from council.risk.bets import Bet
from council.stages.propose import share_for
from council.trade_facts import TradeProposed
from council.trading.desks import holdings_of, look
from council.trading.open_trades import OpenTrade, open_trades
from council.trading.readings import frozen_indicators, read_again, staying_reason
from council.trading.tickets import Desire, Holdings, TicketTerms, build_ticket

NO_SESSION_LIFETIME: Final = timedelta(hours=3)
"""How long a ticket stands that was written outside of sessions, on an exchange always open."""

_SHARE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class _Look:
    """One open trade at one slot, with what is known of it; `peers` are the others, unnamed.

    `bets` are what all accounts hold, for sizing alone.
    """

    trade: OpenTrade
    slot: str
    holdings: Holdings
    readings: tuple[IndicatorReading, ...]
    peers: tuple[Mapping[str, object], ...]
    bets: tuple[Bet, ...]

    @property
    def move_usd(self) -> Decimal:
        """Return the price now less the average entry price, a share."""
        return self.holdings.price - self.trade.position.average_entry_price


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
    numbers = await _numbers(due, context, deps)
    looks = [
        _look_at(trade, context, deps, slot=slot, numbers=numbers, trades=trades) for trade in due
    ]
    return tuple(fact for facts in await all_at_once(looks) for fact in facts)


def checkpoint_id(week_id: str, account: str, *, slot: str, at: datetime) -> UUID:
    """Return the id of the look at `account` in `slot` on the New York day of `at`."""
    day = at.astimezone(NEW_YORK).date()
    return meaning_id("checkpoint", week_id, account, day, slot)


async def _numbers(
    trades: Sequence[OpenTrade], context: WeekContext, deps: Deps
) -> dict[str, float]:
    names = {
        indicator.name
        for trade in trades
        for indicator in frozen_indicators(trade.account, context)
    }
    symbols = sorted({name.split(".")[0] for name in names})
    return await current_numbers(symbols, deps) if symbols else {}


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
    numbers: Mapping[str, float],
    trades: Sequence[OpenTrade],
) -> tuple[Fact, ...]:
    symbol = trade.position.symbol
    readings = read_again(frozen_indicators(trade.account, context), numbers)
    try:
        holdings = holdings_of(trade.desk, await look(trade.desk, symbol, deps.clock), symbol)
    except (NoPrice, UnreachableError) as error:
        model = deps.models.model_for(trade.account)
        return (_abstained(trade, context, deps, slot=slot, model=model, reason=str(error)),)
    bets = tuple(Bet(t.account, t.position.symbol, t.held.sign) for t in trades)
    seen = _Look(trade, slot, holdings, readings, _peers(trade, trades), bets)
    atr = context.frozen_snapshot.numbers().get(f"{symbol}.atr_14")
    staying = staying_reason(readings, move_usd=seen.move_usd, atr_usd=atr)
    if staying:
        stay = CheckpointAnswer(
            action=Action.STAY, conviction_after=trade.conviction, reason_delta=staying
        )
        return (_taken(seen, stay, context, deps, model=None),)
    return await _ask(seen, context, deps)


async def _ask(seen: _Look, context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Let the author decide; what it wants to change becomes a trade that waits."""
    reply = await deps.models.ask(
        checkpoint_question(
            seen.trade.account,
            context,
            deps.config,
            slot=seen.slot,
            taken_on=deps.clock.now().astimezone(NEW_YORK).date(),
            held=seen.trade.held,
            position=_position(seen),
            readings=seen.readings,
            peers=seen.peers,
        )
    )
    if isinstance(reply, Abstained):
        model, reason = reply.model, reply.reason
        return (_abstained(seen.trade, context, deps, slot=seen.slot, model=model, reason=reason),)
    taken = _taken(seen, reply.answer, context, deps, model=reply.model)
    desire = _desire(seen, reply.answer, context, deps)
    if desire is None:
        return (taken,)
    return (taken, _proposed(desire, seen, taken.checkpoint, deps, model=reply.model))


def _position(seen: _Look) -> dict[str, object]:
    trade, position = seen.trade, seen.trade.position
    return {
        "instrument": position.symbol,
        "direction": trade.held.value,
        "quantity": int(position.quantity),
        "average_price": float(position.average_entry_price),
        "last_price": float(seen.holdings.price),
        "profit_usd": float(position.unrealized_profit),
        "profit_fraction": round(trade.profit_fraction, 4),
        "conviction": float(trade.conviction),
    }


def _taken(
    seen: _Look, answer: CheckpointAnswer, context: WeekContext, deps: Deps, *, model: str | None
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
            profit_usd=str(trade.position.unrealized_profit),
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
    seen: _Look, answer: CheckpointAnswer, context: WeekContext, deps: Deps
) -> Desire | None:
    """Return what the account is to hold instead, or None to stay."""
    symbol, held = seen.trade.position.symbol, int(seen.trade.position.quantity)
    after = answer.conviction_after
    if answer.action is Action.EXIT:
        return Desire(symbol, Direction.FLAT, after, Decimal(0), target_quantity=0)
    if answer.action is Action.REDUCE:
        half = int(held / 2)
        equity = seen.holdings.equity_usd
        share = abs(half) * seen.holdings.price / equity if equity > 0 else Decimal(0)
        return Desire(symbol, seen.trade.held, after, share.quantize(_SHARE_STEP), half)
    if answer.action is Action.FLIP:
        opposite = Direction.SHORT if held > 0 else Direction.LONG
        risk, snapshot = deps.config.risk, context.frozen_snapshot
        own = Bet(seen.trade.account, symbol, opposite.sign)
        share_or_none = share_for(own, after, bets=seen.bets, risk=risk, snapshot=snapshot)
        return Desire(symbol, opposite, after, share_or_none or Decimal(0))
    return None


def _proposed(
    desire: Desire, seen: _Look, taken: Checkpoint, deps: Deps, *, model: str
) -> TradeProposed:
    trade_id = meaning_id("trade", taken.week_id, taken.account, taken.checkpoint_id)
    band = deps.config.risk.approval.price_band
    terms = TicketTerms(trade_id, taken.week_id, band, stale_at(seen.slot, deps))
    return TradeProposed(
        week_id=taken.week_id,
        trade_id=trade_id,
        account=taken.account,
        model=model,
        source_id=taken.checkpoint_id,
        ticket=build_ticket(desire, seen.holdings, terms),
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
