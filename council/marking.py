"""Marks what instruments cost and accounts are worth at a session's slots: once each, as facts.

Whoever asks a second time changes nothing and asks nobody. An account whose venue is away has no
mark; what is missing or does not add up is told and never made good.
"""

from collections.abc import Coroutine, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from broker.models import Account, Position
from broker.ports import MarketData
from config.errors import CouncilError
from council.carry import carry_of
from council.earlier_marks import EarlierMark, SlotMarks, read_marks
from council.errors import NoPrices, Overtaken
from council.fact import Fact
from council.market.closed_bars import session_date as session_of
from council.parallel import all_at_once
from council.ports import Deps, Desk, Progress, whole_shares
from council.remembered import MarkKey
from council.result_facts import EquityMarked, HeldPosition, PricesMarked
from council.slots import CLOSE, lateness, passed_over, session_date, week_of
from council.trading.checks import middle
from council.trading.desks import own_account
from council.trading.journal import record

DRIFT: Final = Decimal("0.001")
"""Prices move between two questions: by this fraction of them may positions miss the account's."""

_CENT = Decimal("0.01")
_PRICE_STEP = Decimal("0.0001")

MarkFact = PricesMarked | EquityMarked


async def mark(
    week_id: str, deps: Deps, *, slot: str, accounts: Sequence[str] | None = None
) -> tuple[Fact, ...]:
    """Mark prices and `accounts` (None: all) at `slot` of the session that this moment belongs to.

    `slot` is HH:MM (New York), "open" or "close". Returned is what was new: one PricesMarked and
    one EquityMarked an account; nothing where all is marked or another process marks at the same
    moment, where `slot` cannot be marked now, and where its session is of another week. What could
    not be marked is told, each thing once.

    Raises:
        StoreUnavailable: the database did not answer; the same call may be repeated.
    """
    session_on = session_date(slot, deps)
    why_not = passed_over(slot, deps)
    if why_not is None and week_of(session_on) != week_id:
        why_not = f"the session of {session_on} is not of week {week_id}"
    if why_not is not None:
        _tell(f"{slot} is not marked: {why_not}", deps)
        return ()
    names = [name for name in deps.desks if accounts is None or name in accounts]
    if is_marked(session_on, slot, names, deps):
        return ()
    marks = await read_marks(session_on, slot, names, deps)
    deps.remembered.unmarked.pop((session_on, slot, ""), None)
    facts = await _taken(marks, names, deps)
    if not facts:
        return ()
    if late := lateness(slot, session_on, facts[0].marked_at, deps):
        _tell(f"{slot} is marked {late}", deps)
    return await _stored(facts, deps)


def is_marked(session_on: date, slot: str, accounts: Sequence[str], deps: Deps) -> bool:
    """Return whether this process knows that prices and all of `accounts` were marked."""
    known = deps.remembered.marked
    return all((session_on, slot, name) in known for name in (None, *accounts))


def keep_problem(key: MarkKey, reason: str, deps: Deps) -> None:
    """Remember what is wrong with a mark, and tell it where it is news.

    The account "" stands for all that a slot has, until its marks can be read.
    """
    if deps.remembered.unmarked.get(key) != reason:
        deps.remembered.keep_unmarked(key, reason)
        _tell(reason, deps)


def mark_problems(session_on: date, slot: str, deps: Deps) -> tuple[str, ...]:
    """Return a sentence for all that this process could not mark at `slot`, or that was odd."""
    return tuple(
        f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
        for (day, at, _), reason in deps.remembered.unmarked.items()
        if (day, at) == (session_on, slot)
    )


async def _taken(marks: SlotMarks, names: Sequence[str], deps: Deps) -> tuple[MarkFact, ...]:
    """Ask for all that is missing at once; the marks of one call have one instant."""
    asked_at = deps.clock.now()
    asking: list[Coroutine[Any, Any, MarkFact | None]] = [
        _equity(deps.desks[name], marks, asked_at, deps)
        for name in names
        if name not in marks.accounts
    ]
    if not marks.has_prices:
        asking.insert(0, _prices(marks, asked_at, deps))
    return tuple(fact for fact in await all_at_once(asking) if fact is not None)


async def _stored(facts: Sequence[MarkFact], deps: Deps) -> tuple[Fact, ...]:
    try:
        await record(deps, facts, {})
    except Overtaken:
        return ()  # another process marked at the same moment: of each the first mark stands
    deps.remembered.keep_marked(_key(fact) for fact in facts)
    return tuple(facts)


def _key(fact: MarkFact) -> MarkKey:
    return (fact.session_on, fact.slot, fact.about_account)


async def _prices(marks: SlotMarks, asked_at: datetime, deps: Deps) -> PricesMarked | None:
    key: MarkKey = (marks.session_on, marks.slot, None)
    try:
        prices = await _seen_prices(marks, deps)
    except CouncilError as error:
        keep_problem(key, f"prices were not marked at {marks.slot}: {error}", deps)
        return None
    deps.remembered.unmarked.pop(key, None)
    return PricesMarked(
        week_id=marks.week_id,
        session_on=marks.session_on,
        slot=marks.slot,
        marked_at=asked_at,
        source=deps.market_data.source,
        prices=prices,
    )


async def _seen_prices(marks: SlotMarks, deps: Deps) -> dict[str, Decimal]:
    """Return the prices of the universe: at the close those of its bars, else of quotes."""
    source, universe = deps.market_data, deps.config.universe
    prices = await _closes(source, universe, marks.session_on) if marks.slot == CLOSE else {}
    unseen = [symbol for symbol in universe if symbol not in prices]
    quotes = await source.latest_quotes(unseen) if unseen else {}
    prices |= {symbol: middle(quotes[symbol]) for symbol in unseen if symbol in quotes}
    found = {symbol: prices[symbol] for symbol in universe if prices.get(symbol, 0) > 0}
    if not found:
        raise NoPrices(f"no instrument of assets.yaml has a price in {source.source}")
    return found


async def _closes(
    source: MarketData, symbols: Sequence[str], session_on: date
) -> dict[str, Decimal]:
    bars = await source.daily_bars(symbols, session_on, session_on)
    days = [bar for found in bars.values() for bar in found if session_of(bar) == session_on]
    return {bar.symbol: bar.close for bar in days}


async def _equity(
    desk: Desk, marks: SlotMarks, asked_at: datetime, deps: Deps
) -> EquityMarked | None:
    """Ask one venue; an account that is worth its cash alone is asked for no positions."""
    name = desk.account.nickname
    key: MarkKey = (marks.session_on, marks.slot, name)
    try:
        account = await own_account(desk)
        is_flat = not account.long_market_value and not account.short_market_value
        positions = () if is_flat else await desk.venue.positions()
    except CouncilError as error:
        keep_problem(key, f"{name} was not marked at {marks.slot}: {error}", deps)
        return None
    deps.remembered.unmarked.pop(key, None)
    if odd := discrepancy(account, positions):
        keep_problem(key, f"{name} does not add up at {marks.slot}: {odd}", deps)
    instruments = {own.symbol: own for own in deps.config.assets.instruments}
    before = marks.before.get(name) or EarlierMark(asked_at)
    carry = carry_of(before.positions, asked_at - before.marked_at, instruments)
    return EquityMarked(
        week_id=marks.week_id,
        account=name,
        venue=desk.venue.name,
        account_number=account.account_number,
        session_on=marks.session_on,
        slot=marks.slot,
        marked_at=asked_at,
        equity_usd=account.equity,
        cash_usd=account.cash,
        positions=tuple(_held(position) for position in positions if position.quantity),
        dividends_usd=carry.dividends_usd,
        borrow_usd=carry.borrow_usd,
    )


def discrepancy(account: Account, positions: Sequence[Position]) -> str | None:
    """Return how cash and positions miss the equity, or None.

    What the venue says in one answer must agree to the cent. The positions come in another, so
    that they may differ by as much as prices move in between.
    """
    holdings = account.long_market_value + account.short_market_value
    worth = account.cash + holdings
    if abs(account.equity - worth) > _CENT:
        return f"its equity is ${account.equity}, its cash and positions are ${worth}"
    listed = sum((position.market_value for position in positions), Decimal(0))
    gross = account.long_market_value - account.short_market_value
    if abs(listed - holdings) > max(_CENT, gross * DRIFT):
        return f"its positions are listed at ${listed} and counted at ${holdings}"
    return None


def _held(position: Position) -> HeldPosition:
    price = position.market_value / position.quantity
    return HeldPosition(
        symbol=position.symbol,
        quantity=whole_shares(position.quantity),
        price=price.quantize(_PRICE_STEP),
        market_value_usd=position.market_value,
    )


def _tell(message: str, deps: Deps) -> None:
    deps.tell(Progress("checkpoint", message, 0, 1))
