"""What the approval card shows of trades: read from the store, without asking a venue.

It travels beside a tool's result, to the card and not to the model; a list of six stays below
60 kB whatever models wrote.
"""

from collections.abc import Sequence
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
    """Return a card for each of `trades`, in their order."""
    weeks = {id_: await load_week(id_, app.deps.store) for id_ in {t.week_id for t in trades}}
    stops = await read_stops(app)
    return tuple(_card(trade, weeks[trade.week_id], stops, app) for trade in trades)


def _card(trade: TradeShape, context: WeekContext, stops: StopsShape, app: App) -> CardShape:
    rounds = [own for own in context.proposals if str(own.trade_id) == trade.trade_id]
    proposal = rounds[-1] if rounds else None
    return CardShape(
        **trade.model_dump(exclude=_APART),
        conviction_word=conviction_word(trade.conviction),
        notices=(
            *_stopped(trade, stops),
            *_doubtful(trade, proposal, app),
            *flags_of(trade.account, context),
        ),
        argument=argument_of(proposal, context) if proposal else ArgumentShape(),
    )


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


def _doubtful(trade: TradeShape, proposal: TradeProposed | None, app: App) -> tuple[str, ...]:
    """Say that the trade buys nothing, or is too large to be approved through an assistant."""
    config = app.deps.config
    empty = zero_size_notice(trade, config)
    broken = over_caps(proposal.ticket, Decimal(0), config.risk.approval) if proposal else None
    too_large = f"Approve it in a terminal: {broken}." if broken else None
    return tuple(sentence for sentence in (empty, too_large) if sentence)
