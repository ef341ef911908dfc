"""Who is asked what when trades are to be approved: by a form, by a phrase, or not here at all.

The SDK runs these resolvers before the tool and, where the client answers by a second call, once
more then: an answer counts only for the very form that would be shown now.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Literal

from mcp.server.mcpserver import Elicit, Resolve
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, BeforeValidator, Field

from council.errors import AccountHalted
from council.model.decision import Decision
from council.ports import Deps
from council.trading.approvals import is_due, refuse_if_halted
from council.trading.finding import find_trade
from council.trading.lifecycle import TradeState, TradeStatus, load_trade
from council.trading.relaying import over_caps
from council.trading.verdicts import minute, revoke_first, verdict_on
from council.untrusted import quoted
from mcp_server.exposures import together_line
from mcp_server.readings import one_trade
from mcp_server.shapes import TradeShape
from mcp_server.tools.form import Question, form_message, form_model
from mcp_server.tools.serving import HostContext, host_of, saying
from mcp_server.views import zero_size_notice
from mcp_server.wiring import App

_NOTHING_DONE = "NOT approved, the trade stays as it was"

MOST_TRADES = 12
"""On one form: two weeks of six accounts."""
_MOST_VIEWS = 3

Way = Literal["form", "phrase", "page"]
"""How a person approves from here; "page" is strict mode, where no client can pass it on."""


def _as_list(value: object) -> object:
    """Take one id for a list of one: models write it so."""
    return [value] if isinstance(value, str) else value


TradeIds = Annotated[
    list[Annotated[str, Field(max_length=40)]],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=MOST_TRADES, description="Trade ids from list_pending_trades."),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A trade as it stood when it was asked about; `obstacle` says why nobody can approve it."""

    question: Question
    status: str
    obstacle: str = ""
    is_approved: bool = False

    @property
    def ticket(self) -> tuple[str, int]:
        """Return what tells the ticket from every other of the trade: digest and round."""
        return self.trade.digest, self.question.round

    @property
    def trade(self) -> TradeShape:
        """Return the trade with the ticket that waited then."""
        return self.question.trade


@dataclass(frozen=True, slots=True)
class Ballot:
    """The trades of one call, each once, and the way in which their person is asked.

    `together` says what those come to that can be asked, whatever else is held.
    """

    way: Way
    asked: tuple[Asked, ...]
    together: str = ""

    @property
    def questions(self) -> tuple[Question, ...]:
        """Return what can be asked."""
        return tuple(own.question for own in self.asked if not own.obstacle)


@saying(_NOTHING_DONE)
async def read_ballot(ctx: HostContext, trade_ids: TradeIds) -> Ballot:
    """Look up the trades.

    Raises:
        ToolError: an id names no trade, or several.
    """
    app = await host_of(ctx).app()
    asked = [await read_asked(app, trade_id) for trade_id in trade_ids]
    ballot = Ballot(_way(ctx, app), tuple({own.trade.trade_id: own for own in asked}.values()))
    if ballot.way != "form":
        return ballot
    trades = [question.trade for question in ballot.questions]
    return replace(ballot, together=await together_line(app, trades))


@saying(_NOTHING_DONE)
async def ask_person(
    ballot: Annotated[Ballot, Resolve(read_ballot)],
) -> Elicit[BaseModel] | None:
    """Ask by one form for all trades that can be decided; None where no form is to be shown."""
    if ballot.way != "form" or not ballot.questions:
        return None
    message = form_message(ballot.questions, ballot.together)
    return Elicit(message, form_model(ballot.questions))


async def read_asked(app: App, text: str) -> Asked:
    """Return the trade whose id is `text` or begins with it.

    Raises:
        UnknownTrade: none or several; the message lists those that wait.
    """
    trade_id = await find_trade(app.deps.store, text)
    state = await load_trade(app.deps.store, trade_id)
    # Read after the state, so that it is never older: who approves meanwhile is told so.
    trade = await one_trade(app.deps.store, str(trade_id))
    notices = (*_notices(trade, state, app.deps), *await _dissent(trade, app.deps))
    question = Question(trade, state.proposal.round, notices)
    if state.status is TradeStatus.PENDING and is_due(state.proposal.ticket, app.deps):
        expired = f"NOT approved: it expired at {minute(trade.expires_at)}."
        return Asked(question, "expired", expired)
    approved = state.approved is not None
    return Asked(question, trade.status, await _obstacle(state, app.deps), is_approved=approved)


def shows_forms(ctx: HostContext, never_shown: tuple[str, ...] = ()) -> bool:
    """Whether the client says that it shows forms, and is none of those that are known not to.

    A bare `elicitation: {}` means forms; a client that declares addresses alone shows none.
    """
    declared = ctx.client_capabilities.elicitation if ctx.client_capabilities else None
    if declared is None or (declared.form is None and declared.url is not None):
        return False
    # An older client is asked in mid call, which some of its connections cannot carry.
    if not is_modern(ctx) and not ctx.session.can_send_request:
        return False
    known = ctx.session.client_params
    name = known.client_info.name.casefold() if known else ""
    return name not in {other.casefold() for other in never_shown}


def is_modern(ctx: HostContext) -> bool:
    """Whether the client speaks a protocol in which it declares every extension that it has."""
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS


def _way(ctx: HostContext, app: App) -> Way:
    approval = app.deps.config.risk.approval
    if approval.mode == "strict":
        return "page"
    return "form" if shows_forms(ctx, approval.forms_never_shown) else "phrase"


async def _obstacle(state: TradeState, deps: Deps) -> str:
    if state.status is not TradeStatus.PENDING:
        return f"Trade {state.trade_id} {verdict_on(state)}.{revoke_first(state)}"
    try:
        await refuse_if_halted(state.proposal.account, deps)
    except AccountHalted as error:
        return f"NOT approved: {str(error).removeprefix('Not approved: ')}"
    return ""


async def _dissent(trade: TradeShape, deps: Deps) -> tuple[str, ...]:
    """Quote the views that the chairman overruled for the trade of its account."""
    where = {"week_id": trade.week_id, "account_id": trade.account}
    rows = await deps.store.rows("chairman_decisions", where=where)
    found = [Decision.model_validate(row["content"]) for row in rows if row["content"]]
    views = [own for decision in found for own in decision.dissent_summary][:_MOST_VIEWS]
    return tuple(f"{own.label} dissents: {quoted(own.view)}" for own in views)


def _notices(trade: TradeShape, state: TradeState, deps: Deps) -> tuple[str, ...]:
    """Say that the trade buys nothing, or that it is too large to be approved from here."""
    empty = zero_size_notice(trade, deps.config)
    broken = over_caps(state.proposal.ticket, Decimal(0), deps.config.risk.approval)
    too_large = f"It cannot be approved here: {broken}." if broken else None
    return tuple(notice for notice in (empty, too_large) if notice)
