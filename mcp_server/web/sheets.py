"""What a page shows of a trade beside its ticket: its rules then and now, reviews, dissent.

The same is shown whether or not the trade is decided; who reviewed what is never told here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from council.context import WeekContext
from council.model.checkpoint import Checkpoint, IndicatorReading
from council.model.pitch import FrozenIndicator
from council.model.review import Review
from council.trading.finding import find_trade
from council.trading.readings import frozen_indicators, frozen_invalidation, pitches_behind
from council.untrusted import clean_text
from mcp_server.apps.card_shapes import CardShape
from mcp_server.apps.cards import card_of, weeks_of
from mcp_server.shapes import TradeShape
from mcp_server.stopping import read_stops
from mcp_server.views import trade_shape
from mcp_server.wiring import App
from store.events import Page

PAGE_SIZE: Final = 50
"""Trades on one page of those that wait; a week yields six."""
_ORDER: Final = ("week_id", "account_id", "trade_id")


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule with its number when the week began and at the last look; `now` None: not known."""

    rule: str
    frozen: float
    now: float | None
    holds: bool
    """Whether it held at the last of the two."""


@dataclass(frozen=True, slots=True)
class ObjectionLine:
    """One review: the mean of nine scores from 1 to 10, and what its author said."""

    label: str
    mean: float
    kill_shot: str
    flip_condition: str
    fix: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A trade as a page shows it; `looked_at` is when a checkpoint last read its rules."""

    card: CardShape
    indicators: tuple[RuleLine, ...]
    invalidation: tuple[RuleLine, ...]
    looked_at: datetime | None
    objections: tuple[ObjectionLine, ...]


async def read_sheets(app: App, trades: Sequence[TradeShape]) -> tuple[Sheet, ...]:
    """Return a sheet for each of `trades`, in their order."""
    weeks, stops = await weeks_of(app, trades), await read_stops(app)
    return tuple(
        sheet_of(card_of(trade, weeks[trade.week_id], stops, app), weeks[trade.week_id])
        for trade in trades
    )


def sheet_of(card: CardShape, context: WeekContext) -> Sheet:
    """Return the sheet of the trade on `card`, whose week is `context`."""
    look = _last_look(card, context)
    return Sheet(
        card=card,
        indicators=_lines(
            frozen_indicators(card.account, context), look.indicators if look else ()
        ),
        invalidation=_lines(
            frozen_invalidation(card.account, context), look.invalidation if look else ()
        ),
        looked_at=look.taken_at if look else None,
        objections=_objections(card, context),
    )


async def waiting_page(app: App, after: str | None) -> tuple[tuple[TradeShape, ...], str | None]:
    """Return the trades that wait, a page of them, and after which one the next page begins.

    `after` is the id of a trade, None for the first page; the second value is None at the end.
    """
    store, where = app.deps.store, {"status": "pending"}
    last = await _place_of(after, app) if after else None
    page = Page(limit=PAGE_SIZE + 1, after=last)
    rows = await store.rows("trades", where=where, order_by=_ORDER, page=page)
    # Nothing was sent of a trade that waits, so it has no orders to be read.
    shown = [trade_shape(row, ()) for row in rows[:PAGE_SIZE]]
    places = {own.nickname: place for place, own in enumerate(app.deps.config.accounts)}
    ordered = sorted(shown, key=lambda own: (own.week_id, places.get(own.account, len(places))))
    following = shown[-1].trade_id if len(rows) > PAGE_SIZE else None
    return tuple(ordered), following


async def _place_of(trade_id: str, app: App) -> tuple[object, ...] | None:
    found = await find_trade(app.deps.store, trade_id)
    (row,) = await app.deps.store.rows("trades", where={"trade_id": found})
    return tuple(row[column] for column in _ORDER)


def _last_look(card: CardShape, context: WeekContext) -> Checkpoint | None:
    """Return the account's last checkpoint of the week, whichever of its trades it was about."""
    own = [taken.checkpoint for taken in context.checkpoints if taken.account == card.account]
    return own[-1] if own else None


def _lines(
    rules: Sequence[FrozenIndicator], readings: Sequence[IndicatorReading]
) -> tuple[RuleLine, ...]:
    now = {str(reading): reading.now for reading in readings}
    return tuple(_line(rule, now.get(str(rule))) for rule in rules)


def _line(rule: FrozenIndicator, now: float | None) -> RuleLine:
    return RuleLine(
        rule=str(rule),
        frozen=rule.current,
        now=now,
        holds=rule.holds(rule.current if now is None else now),
    )


def _objections(card: CardShape, context: WeekContext) -> tuple[ObjectionLine, ...]:
    """Return the reviews of the pitches behind the trade, the harshest first.

    Only what they say orders them: the order must not tell who wrote which.
    """
    behind = {pitch.idea_id for pitch in pitches_behind(card.account, context)}
    own = [review for review in context.reviews if review.pitch_id in behind]
    harshest = sorted(own, key=lambda one: (one.scores.mean, one.best_argument_against))
    return tuple(_objection(review, at) for at, review in enumerate(harshest, start=1))


def _objection(review: Review, number: int) -> ObjectionLine:
    return ObjectionLine(
        label=f"Reviewer {number}",
        mean=review.scores.mean,
        kill_shot=clean_text(review.best_argument_against),
        flip_condition=clean_text(review.one_flip_condition),
        fix=clean_text(review.suggested_fix),
    )
