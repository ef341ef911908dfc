"""What the approval card shows of trades: read from the store, without asking a venue.

It travels beside a tool's result, to the card and not to the model; a list of six stays below
60 kB whatever models wrote.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from council.context import WeekContext
from council.pipeline import load_week
from council.trade_facts import TradeProposed
from council.trading.relaying import over_caps
from mcp_server.apps.arguments import argument_of, flags_of
from mcp_server.apps.card_shapes import ArgumentShape, CardShape, conviction_word
from mcp_server.shapes import TradeShape
from mcp_server.stop_shapes import StopsShape
from mcp_server.stop_views import file_sentences, freeze_sentences
from mcp_server.stopping import read_stops
from mcp_server.views import zero_size_notice
from mcp_server.wiring import App

_APART = {"confirmation", "approval_trust", "execution_timestamp"}


async def read_cards(app: App, trades: Sequence[TradeShape]) -> tuple[CardShape, ...]:
    """Return a card for each of `trades`, in their order, with whether an assistant may approve."""
    weeks, stops = await weeks_of(app, trades), await read_stops(app)
    cards = []
    for trade in trades:
        context = weeks[trade.week_id]
        card = card_of(trade, context, stops, app)
        barred = _barred(trade, context, app)
        cards.append(card.model_copy(update={"notices": (*card.notices, *barred)}))
    return tuple(cards)


async def weeks_of(app: App, trades: Sequence[TradeShape]) -> Mapping[str, WeekContext]:
    """Return all that is stored of the weeks of `trades`, by their ids."""
    return {id_: await load_week(id_, app.deps.store) for id_ in {t.week_id for t in trades}}


def card_of(trade: TradeShape, context: WeekContext, stops: StopsShape, app: App) -> CardShape:
    """Return the card of a trade, as it concerns a person who decides himself."""
    proposal = _proposal(trade, context)
    empty = zero_size_notice(trade, app.deps.config)
    return CardShape(
        **trade.model_dump(exclude=_APART),
        conviction_word=conviction_word(trade.conviction),
        notices=(
            *_stopped(trade, stops),
            *((empty,) if empty else ()),
            *flags_of(trade.account, context),
        ),
        argument=argument_of(proposal, context) if proposal else ArgumentShape(),
    )


def _proposal(trade: TradeShape, context: WeekContext) -> TradeProposed | None:
    rounds = [own for own in context.proposals if str(own.trade_id) == trade.trade_id]
    return rounds[-1] if rounds else None


def _stopped(trade: TradeShape, stops: StopsShape) -> tuple[str, ...]:
    """Say what halts the account, and which instruments of the trade are frozen for it."""
    own = tuple(account for account in stops.accounts if account.account == trade.account)
    halts = [
        f'Trading is halted for this account by {halt.by}: "{halt.reason}".'
        for halt in (account.halted for account in own)
        if halt and not (halt.channel == "file" and stops.halt_file)
    ]
    narrowed = StopsShape(accounts=own, halt_file=stops.halt_file)
    return (*file_sentences(narrowed), *halts, *freeze_sentences(narrowed))


def _barred(trade: TradeShape, context: WeekContext, app: App) -> tuple[str, ...]:
    """Say that the trade is too large to be approved through an assistant."""
    proposal, caps = _proposal(trade, context), app.deps.config.risk.approval
    broken = over_caps(proposal.ticket, Decimal(0), caps) if proposal else None
    return (f"Approve it on the web page or in a terminal: {broken}.",) if broken else ()
