"""What is read from the store for people and programs; nothing here writes or asks a venue."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from config.clock import NEW_YORK
from config.errors import UsageError
from council.analytics.silence import silence_sentence, silent_managers
from council.codec import to_fact
from council.events import ModelCalled
from council.llm.spending import Spending, spending_of
from council.measure_facts import ModelDriftMeasured
from council.pipeline import load_week
from council.trading.approvals import find_trade
from council.trading.lifecycle import load_trade
from council.trading.verdicts import phrase_for
from mcp_server.shapes import CheckpointShape, TradeShape, WeekShape
from mcp_server.views import checkpoint_shape, trade_shape, week_shape
from mcp_server.wiring import App
from store.ports import EventStore

TRADE_STATUSES = (
    "pending",
    "approved",
    "rejected",
    "expired",
    "executed",
    "open",
    "closed",
    "failed",
    "updated",
)


async def list_trades(
    app: App, *, status: str | None = None, week_id: str | None = None
) -> tuple[TradeShape, ...]:
    """Return the trades of a status and week (None: all), oldest first, by accounts.yaml's order.

    Raises:
        UsageError: there is no such status.
    """
    store = app.deps.store
    if status is not None and status not in TRADE_STATUSES:
        listed = ", ".join(TRADE_STATUSES)
        raise UsageError(f"No trade has the status {status!r}: use one of {listed}.")
    where = {name: value for name, value in (("status", status), ("week_id", week_id)) if value}
    rows = await store.rows(
        "trades", where=where, order_by=("week_id", "proposed_at", "account_id")
    )
    orders = await store.rows("orders", where={"week_id": week_id} if week_id else None)
    places = {a.nickname: place for place, a in enumerate(app.deps.config.accounts)}
    shapes = [await _as_asked(trade_shape(row, orders), store) for row in rows]
    # An account that left the file keeps its trades; they stand last.
    return tuple(sorted(shapes, key=lambda t: (t.week_id, places.get(t.account, len(places)))))


async def one_trade(store: EventStore, text: str) -> TradeShape:
    """Return the trade whose id is `text` or begins with it.

    Raises:
        UnknownTrade: none or several; the message lists those that wait.
    """
    trade_id = await find_trade(store, text)
    rows = await store.rows("trades", where={"trade_id": trade_id})
    orders = await store.rows("orders", where={"trade_id": trade_id})
    return await _as_asked(trade_shape(rows[0], orders), store)


async def _as_asked(trade: TradeShape, store: EventStore) -> TradeShape:
    """Return a trade that waits with the phrase of the round in which it waits.

    How often it was asked stands in no read table, and an older phrase is worth nothing.
    """
    if trade.status != "pending":
        return trade
    proposal = (await load_trade(store, UUID(trade.trade_id))).proposal
    phrase = phrase_for(proposal.ticket, proposal.round)
    return trade.model_copy(update={"confirmation": phrase})


async def read_week(app: App, week_id: str) -> WeekShape:
    """Return everything stored of a week; one that never began has state "not_started"."""
    store, standing = app.deps.store, app.standing
    context = await load_week(week_id, store)
    pitched = await store.rows("pm_pitches", where={"week_id": week_id})
    return week_shape(
        context,
        await list_trades(app, week_id=week_id),
        outcomes={row["account_id"]: row["status"] for row in pitched},
        spending=await week_spending(store, week_id),
        venue=standing.venue,
        mode=standing.mode,
    )


async def week_spending(store: EventStore, week_id: str) -> Spending:
    """Return what the week's calls to models cost."""
    facts = [to_fact(event) for event in await store.read_stream(f"llm-{week_id}")]
    return spending_of(fact for fact in facts if isinstance(fact, ModelCalled))


async def read_silences(app: App) -> tuple[str, ...]:
    """Return a sentence for each manager that was silent in the last two weeks or longer."""
    names = [manager.nickname for manager in app.deps.config.managers]
    rows = await app.deps.store.rows("pm_pitches")
    return tuple(map(silence_sentence, silent_managers(rows, names)))


async def read_drifts(store: EventStore) -> tuple[ModelDriftMeasured, ...]:
    """Return the measures of the newest week that has any."""
    events = store.read_all(event_types=[ModelDriftMeasured.__name__])
    found = [
        fact async for event in events if isinstance(fact := to_fact(event), ModelDriftMeasured)
    ]
    newest = max((fact.week_id for fact in found), default="")
    return tuple(fact for fact in found if fact.week_id == newest)


async def read_checkpoints(
    store: EventStore,
    week_id: str,
    *,
    slots: Collection[str] | None = None,
    taken_on: date | None = None,
) -> tuple[CheckpointShape, ...]:
    """Return a week's checkpoints in the order taken, each with the trade that it asked for.

    `slots` and `taken_on` (a New York date) leave out the others; None leaves out none.
    """
    context = await load_week(week_id, store)
    asked = {proposal.source_id: str(proposal.trade_id) for proposal in context.proposals}
    return tuple(
        checkpoint_shape(look, asked.get(look.checkpoint_id))
        for look in (taken.checkpoint for taken in context.checkpoints)
        if (slots is None or look.slot in slots)
        and (taken_on is None or look.taken_at.astimezone(NEW_YORK).date() == taken_on)
    )
