"""Ten thousand trades in PostgreSQL within seconds: five years of weeks with all that came of them.

The events go straight into the log, past the function that appends and chains them: what reads is
the same, and takes as long.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from broker.models import OrderStatus, PositionIntent, Side, VenueName
from config.ids import meaning_id, trade_id_for
from council.codec import to_event
from council.events import (
    DecisionReached,
    ModelCalled,
    PitchMade,
    ReviewMade,
    SnapshotTaken,
    StageCompleted,
    WeekStarted,
)
from council.fact import Fact
from council.model.ticket import Ticket
from council.pipeline import STAGES
from council.projections import project
from council.result_facts import EquityMarked, PricesMarked
from council.trade_facts import (
    ExecutionStarted,
    LegClosed,
    LegIntended,
    OrderAccepted,
    OrderProgressed,
    SubmitAttempted,
    TradeApproved,
    TradeCompleted,
    TradeProposed,
    TradeRejected,
)
from mcp_server.operations import week_in_force
from mcp_server.wiring import App
from store.events import StoredEvent
from tests.builders import (
    make_decision,
    make_leg,
    make_pitch,
    make_review,
    make_snapshot,
    make_ticket,
)

WEEKS: Final = 250
"""That are over; the one in force comes after them."""
TRADES_A_WEEK: Final = 40
_CALLS_A_WEEK: Final = 24
_PLACES: Final = range(6)
"""Of the trades that come from a week's pitches and its decision; the others are of checkpoints."""
_BATCH: Final = 2_000
_INSERT: Final = (
    "INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $1::text::jsonb)"
)
_ANSWER: Final = "The curve steepens and supply weighs on the long end. " * 80
_HASH: Final = "\\x" + "00" * 32
_PRICES: Final = {"SPY": Decimal(100), "TLT": Decimal("87.05")}

Dated = tuple[datetime, Fact]


async def store_many_trades(app: App) -> tuple[str, ...]:
    """Store the weeks up to the one in force; returns the ids of its trades, which all wait."""
    newest = date.fromisoformat(week_in_force(app))
    weeks = [newest - timedelta(weeks=back) for back in reversed(range(WEEKS + 1))]
    events, tables = [], dict[str, dict[tuple[Any, ...], dict[str, Any]]]()
    versions: dict[str, int] = {}
    for position, (at, fact) in enumerate(_history(app, weeks), start=1):
        event = _stored(fact, at, position, versions)
        events.append(event)
        for change in project(event):
            rows = tables.setdefault(change.table, {})
            row = rows.setdefault(tuple(change.key.values()), {})
            row |= change.key | change.values
    await _insert(app, "events", map(_as_row, events))
    for table, rows in tables.items():
        await _insert(app, table, rows.values())
    await app.pool.execute("ANALYZE")
    return tuple(str(trade_id_for(newest.isoformat(), name)) for name in _accounts(app))


def _accounts(app: App) -> list[str]:
    return [account.nickname for account in app.deps.config.accounts]


def _history(app: App, weeks: Sequence[date]) -> Iterator[Dated]:
    for week_on in weeks:
        began_at = datetime.combine(week_on, time(15), UTC)
        yield from _deliberation(app, week_on.isoformat(), began_at)
        is_newest = week_on == weeks[-1]
        for number in _PLACES if is_newest else range(TRADES_A_WEEK):
            account = _accounts(app)[number % len(_accounts(app))]
            ticket = _ticket(week_on, account, number)
            at = began_at + timedelta(hours=number)
            yield from _proposed(ticket, at) if is_newest else _trade(ticket, at)
        if not is_newest:
            yield from _marks(app, week_on)


def _deliberation(app: App, week_id: str, at: datetime) -> Iterator[Dated]:
    managers = [manager.nickname for manager in app.deps.config.managers]
    yield (
        at,
        WeekStarted(
            week_id=week_id, config_hash="x", mode="rehearsal", query=None, models={}, degraded=()
        ),
    )
    yield at, SnapshotTaken(week_id=week_id, snapshot=make_snapshot())
    pitches = [
        make_pitch(name, week_id=week_id, idea_id=meaning_id("pitch", week_id, name))
        for name in managers
    ]
    for pitch in pitches:
        yield at, PitchMade(week_id=week_id, account=pitch.account, pitch=pitch, outcome="valid")
        for reviewer in managers:
            if reviewer != pitch.account:
                review = make_review(
                    reviewer,
                    pitch.account,
                    week_id=week_id,
                    review_id=meaning_id("review", week_id, reviewer, pitch.account),
                    pitch_id=pitch.idea_id,
                )
                yield at, ReviewMade(week_id=week_id, account=reviewer, review=review)
    chairman = app.deps.config.chairman.nickname
    decision = make_decision(week_id=week_id, account=chairman)
    yield at, DecisionReached(week_id=week_id, account=chairman, decision=decision, outcome="valid")
    for number in range(_CALLS_A_WEEK):
        yield at, _call(week_id, number, managers[number % len(managers)])
    for stage in STAGES:
        yield at, StageCompleted(week_id=week_id, stage=stage)


def _call(week_id: str, number: int, asked_by: str) -> ModelCalled:
    return ModelCalled(
        week_id=week_id,
        call_id=meaning_id("call", week_id, number),
        stage="pitch",
        asked_by=asked_by,
        requested_model=f"vendor/{asked_by.lower()}",
        served_model=None,
        attempt=1,
        outcome="answered",
        reason=None,
        finish_reason="stop",
        prompt_hash="x",
        answer=_ANSWER,
        answer_sha256="x",
        prompt_tokens=9_000,
        completion_tokens=900,
        cost_usd=Decimal("0.0421"),
        cost_source="provider",
        latency_seconds=11.5,
    )


def _ticket(week_on: date, account: str, number: int) -> Ticket:
    week_id, is_first = week_on.isoformat(), number < len(_PLACES)
    trade_id = trade_id_for(week_id, account) if is_first else meaning_id("trade", week_id, number)
    expires_at = datetime.combine(week_on + timedelta(days=5), time(20), UTC)
    return make_ticket(
        account,
        trade_id=trade_id,
        week_id=week_id,
        legs=(make_leg(quantity=500 + number),),
        target_quantity=500 + number,
        expires_at=expires_at,
    )


def _proposed(ticket: Ticket, at: datetime) -> Iterator[Dated]:
    own, model = _identity(ticket), "rehearsal/momentum"
    yield at, TradeProposed(**own, model=model, source_id=None, ticket=ticket)


def _identity(ticket: Ticket) -> dict[str, Any]:
    return {"week_id": ticket.week_id, "trade_id": ticket.trade_id, "account": ticket.account}


def _trade(ticket: Ticket, at: datetime) -> Iterator[Dated]:
    own = _identity(ticket)
    yield from _proposed(ticket, at)
    by: dict[str, Any] = {"approver": "anna", "channel": "cli"}
    if ticket.target_quantity % 7 == 0:
        yield at, TradeRejected(**own, **by, reason="Too late in the move.")
        return
    yield at, TradeApproved(**own, **by, digest=ticket.digest, trust="human_direct")
    yield from ((at, fact) for fact in _carried_out(ticket, own))


def _carried_out(ticket: Ticket, own: dict[str, Any]) -> Iterator[Fact]:
    quantity, order = ticket.legs[0].quantity, f"lc-{ticket.trade_id}-o1"
    leg = {**own, "client_order_id": order}
    filled: dict[str, Any] = {
        "symbol": "SPY",
        "status": OrderStatus.FILLED,
        "filled_quantity": quantity,
        "average_price": Decimal("100.01"),
        "position_quantity": quantity,
    }
    yield ExecutionStarted(**leg, digest=ticket.digest)
    yield LegIntended(
        **leg,
        leg="open",
        attempt=1,
        venue=VenueName.SIMULATED,
        symbol="SPY",
        side=Side.BUY,
        quantity=quantity,
        position_intent=PositionIntent.BUY_TO_OPEN,
        start_quantity=0,
        digest=ticket.digest,
    )
    yield SubmitAttempted(**leg, number=1)
    yield OrderAccepted(**leg, order_id=order)
    yield OrderProgressed(**leg, **filled)
    yield LegClosed(**leg, **filled)
    yield TradeCompleted(**own, position_quantity=quantity)


def _marks(app: App, week_on: date) -> Iterator[Dated]:
    """Mark prices and equity at the close of each session of the week."""
    for day in (0, 1, 2, 5, 6):
        session_on = week_on + timedelta(days=day)
        at = datetime.combine(session_on, time(21), UTC)
        own: dict[str, Any] = {
            "week_id": week_on.isoformat(),
            "session_on": session_on,
            "slot": "close",
            "marked_at": at,
        }
        yield at, PricesMarked(**own, source="synthetic", prices=_PRICES)
        for account in _accounts(app):
            yield (
                at,
                EquityMarked(
                    **own,
                    account=account,
                    venue=VenueName.SIMULATED,
                    account_number="PA00000001",
                    equity_usd=Decimal(100_000 + 10 * day),
                    cash_usd=Decimal(50_000),
                    positions=(),
                ),
            )


def _stored(fact: Fact, at: datetime, position: int, versions: dict[str, int]) -> StoredEvent:
    new, stream = to_event(fact, at=at), fact.stream
    versions[stream] = versions.get(stream, 0) + 1
    return StoredEvent(
        position=position,
        stream=stream,
        version=versions[stream],
        event_id=new.event_id,
        event_type=new.event_type,
        payload=new.payload,
        timestamp=new.timestamp,
        week_id=new.week_id,
        account_id=new.account_id,
        correlation_id=new.correlation_id,
        parent_event_id=None,
    )


def _as_row(event: StoredEvent) -> dict[str, Any]:
    return {**event._asdict(), "previous_hash": _HASH, "hash": _HASH}


def _as_json(value: object) -> object:
    """Return a document of a row as it is stored, and anything else as its text."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


async def _insert(app: App, table: str, rows: Iterable[dict[str, Any]]) -> None:
    waiting = list(rows)
    for start in range(0, len(waiting), _BATCH):
        batch = json.dumps(waiting[start : start + _BATCH], default=_as_json)
        await app.pool.execute(_INSERT.format(table=table), batch)
