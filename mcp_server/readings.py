"""What is read from the store for people and programs; nothing here writes or asks a venue."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from config.clock import NEW_YORK
from config.errors import UsageError
from council.analytics.silence import silence_sentence, silent_managers
from council.codec import to_fact
from council.events import ModelCalled
from council.llm.spending import Spending, spending_of
from council.measure_facts import ModelDriftMeasured
from council.parallel import all_at_once
from council.pipeline import load_week, look_at_week
from council.projections import asked_columns
from council.trade_facts import TradeProposed
from council.trading.finding import find_trade
from council.trading.lifecycle import load_trade
from council.trading.verdicts import phrase_for
from mcp_server.shapes import CheckpointShape, TradeShape, WeekShape
from mcp_server.views import Row, checkpoint_shape, trade_shape, week_shape
from mcp_server.wiring import App
from store.events import EventFilter, Page
from store.ports import EventStore

_PITCHES: Final = 40
"""Read at once to see who is silent: eight weeks of five managers."""
_DRIFTS: Final = 100
"""The newest measures of drift; a week has one for each manager."""

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
    app: App, *, status: str | tuple[str, ...] | None = None, week_id: str | None = None
) -> tuple[TradeShape, ...]:
    """Return the trades of a status and week (None: all), oldest first, by accounts.yaml's order.

    A tuple stands for any of its statuses. Long lists are read by `mcp_server.trade_pages`.

    Raises:
        UsageError: there is no such status.
    """
    store = app.deps.store
    if isinstance(status, str) and status not in TRADE_STATUSES:
        listed = ", ".join(TRADE_STATUSES)
        raise UsageError(f"No trade has the status {status!r}: use one of {listed}.")
    where = {name: value for name, value in (("status", status), ("week_id", week_id)) if value}
    rows = await store.rows(
        "trades", where=where, order_by=("week_id", "proposed_at", "account_id")
    )
    shapes = await trade_shapes(store, rows)
    places = {a.nickname: place for place, a in enumerate(app.deps.config.accounts)}
    # An account that left the file keeps its trades; they stand last.
    return tuple(sorted(shapes, key=lambda t: (t.week_id, places.get(t.account, len(places)))))


async def trade_shapes(store: EventStore, rows: Sequence[Row]) -> tuple[TradeShape, ...]:
    """Return the trades in `rows` of their read table, in the same order, with their orders."""
    ids = tuple(row["trade_id"] for row in rows)
    orders: dict[str, list[Row]] = {}
    for order in await store.rows("orders", where={"trade_id": ids}) if ids else ():
        orders.setdefault(str(order["trade_id"]), []).append(order)
    waiting = [row for row in rows if row["status"] == "pending"]
    asked = await all_at_once([load_trade(store, UUID(str(row["trade_id"]))) for row in waiting])
    proposals = {str(trade.trade_id): trade.proposal for trade in asked}
    return tuple(
        _shown(row, orders.get(trade_id, ()), proposals.get(trade_id))
        for row, trade_id in ((row, str(row["trade_id"])) for row in rows)
    )


async def one_trade(store: EventStore, text: str) -> TradeShape:
    """Return the trade whose id is `text` or begins with it.

    Raises:
        UnknownTrade: none or several; the message lists those that wait.
    """
    trade_id = await find_trade(store, text)
    rows = await store.rows("trades", where={"trade_id": trade_id})
    (trade,) = await trade_shapes(store, rows)
    return trade


def _shown(row: Row, orders: Sequence[Row], proposal: TradeProposed | None) -> TradeShape:
    """Show a trade; one that waits as the log's `proposal` asks for it, whatever its row says.

    Who may write the row need not be one who may approve: nobody should approve what only the row
    says. And how often it was asked stands in no row, while an older phrase is worth nothing.
    """
    if proposal is None:
        return trade_shape(row, orders)
    trade = trade_shape({**row, **asked_columns(proposal)}, orders)
    phrase = phrase_for(proposal.ticket, proposal.round)
    return trade.model_copy(update={"confirmation": phrase})


async def read_week(app: App, week_id: str) -> WeekShape:
    """Return everything stored of a week; one that never began has state "not_started"."""
    store, standing = app.deps.store, app.standing
    context = await look_at_week(week_id, app.deps)
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
    rows: list[Row] = []
    while True:
        found = await _earlier_pitches(rows, app.deps.store)
        rows += found
        # The oldest week may be cut by the end of the page.
        whole = rows if len(found) < _PITCHES else _without_oldest_week(rows)
        silences = silent_managers(whole, names)
        weeks = [row["week_id"] for row in whole]
        if whole is rows or all(own.since > min(weeks) for own in silences):
            return tuple(map(silence_sentence, silences))


async def _earlier_pitches(known: Sequence[Row], store: EventStore) -> tuple[Row, ...]:
    """Return the newest pitches before the last that is known, newest first."""
    after = (known[-1]["week_id"], known[-1]["account_id"]) if known else None
    page = Page(_PITCHES, descending=True, after=after)
    return await store.rows("pm_pitches", order_by=("week_id", "account_id"), page=page)


def _without_oldest_week(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["week_id"] != rows[-1]["week_id"]]


async def read_drifts(store: EventStore) -> tuple[ModelDriftMeasured, ...]:
    """Return the measures of the newest week that has any."""
    wanted = EventFilter(event_types=(ModelDriftMeasured.__name__,))
    events = await store.read_page(wanted, Page(_DRIFTS, descending=True))
    facts = [to_fact(event) for event in reversed(events)]
    found = [fact for fact in facts if isinstance(fact, ModelDriftMeasured)]
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
