"""The tool by which an assistant asks its person to approve: by form, by phrase, or on the page.

Whatever comes back that is not a person's clear yes to a ticket leaves that ticket pending.
"""

from typing import Annotated, Final

from mcp.server.mcpserver import AcceptedElicitation, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import BaseModel, Field

from council.trading.approvals import Decider
from mcp_server.tools.ballot import Asked, Ballot, TradeIds, ask_person, read_ballot
from mcp_server.tools.form import read_form, ticket_lines, title_of
from mcp_server.tools.results import DecidedAnswer, told
from mcp_server.tools.serving import HostContext, approver_of, host_of, saying
from mcp_server.tools.verdicts import (
    approve_shown,
    by_form,
    decided_answer,
    in_person,
    line,
)
from mcp_server.wiring import App

Phrase = Annotated[
    str | None,
    Field(max_length=200, description="The phrase as the user typed it, where one is asked for."),
]
Answer = ElicitationResult[BaseModel]

_UNREADABLE: Final = "the form came back with what it did not offer"
_NO_ANSWER: Final = {
    "decline": "the form was declined, which is not the user's no",
    "cancel": "the form was cancelled, which is not the user's no",
}


@saying("NOT approved")
async def approve_trade(
    ctx: HostContext,
    trade_ids: TradeIds,
    confirmation: Phrase = None,
    *,
    ballot: Annotated[Ballot, Resolve(read_ballot)],
    answer: Annotated[Answer, Resolve(ask_person)],
) -> Annotated[CallToolResult, DecidedAnswer]:
    """Ask the user to decide on the trades that the user named.

    Only a person approves. Where the host can, a form opens: the user approves, rejects or leaves
    each trade for later. Otherwise call with one trade: its ticket comes back, and the user types
    the phrase. Never answer the form or compose the phrase on the user's behalf. A cancelled form
    leaves all pending. Approving lets the background executor send paper orders.
    """
    app = await host_of(ctx).app()
    if not ballot.questions:
        return _nothing_to_ask(app, ballot)
    if ballot.way == "page":
        return _on_the_page(app, ballot)
    if ballot.way == "phrase":
        by = Decider(approver_of(ctx), "tool", "client_relayed")
        return await _by_phrase(app, ballot, confirmation, by)
    by = Decider(approver_of(ctx), "elicitation", "client_relayed")
    return await _by_form(app, ballot, answer, by)


def _nothing_to_ask(app: App, ballot: Ballot) -> CallToolResult:
    """Tell why no trade can be decided; that all or some were approved before is no error."""
    if not any(own.is_approved for own in ballot.asked):
        whys = [own.obstacle.removeprefix("NOT approved: ") for own in ballot.asked]
        if len(whys) > 1:
            whys = [
                f"{own.trade.account}: {why}" for own, why in zip(ballot.asked, whys, strict=True)
            ]
        raise ToolError(f"NOT approved: {' '.join(whys)} Tell the user.")
    return told(decided_answer(app, ballot.asked, tuple(map(line, ballot.asked))))


def _on_the_page(app: App, ballot: Ballot) -> CallToolResult:
    why = "NOT approved: approval.mode is strict, so no assistant passes an approval on"
    lines = [line(own, f"{why}; it waits for the user") for own in ballot.asked]
    answer = decided_answer(
        app,
        ballot.asked,
        lines,
        summary=f"{why}. {_pending(ballot)}.",
        next_step=f"Ask the user to decide {in_person(app, _only(ballot))}. Do not call "
        "approve_trade again.",
    )
    return told(answer)


async def _by_phrase(
    app: App, ballot: Ballot, confirmation: str | None, by: Decider
) -> CallToolResult:
    if len(ballot.asked) > 1:
        raise ToolError(
            "NOT approved, nothing was changed: this host shows no form, so ask the user about one "
            f"trade a call, or let the user decide {in_person(app)}."
        )
    (asked,) = ballot.asked
    if _plain(confirmation) != _plain(asked.trade.confirmation):
        raise ToolError(_ask_for_phrase(app, asked, given=confirmation))
    outcome = await approve_shown(app, asked, by, confirmation=confirmation)
    return told(decided_answer(app, ballot.asked, (outcome,)))


async def _by_form(app: App, ballot: Ballot, answer: Answer, by: Decider) -> CallToolResult:
    if not isinstance(answer, AcceptedElicitation):
        return _left_pending(app, ballot, _NO_ANSWER[answer.action])
    filled = read_form(answer.data, ballot.questions)
    if filled is None:
        return _left_pending(app, ballot, _UNREADABLE)
    if set(filled.choices.values()) == {"later"}:
        return _left_pending(app, ballot, "the form came back with every trade left for later")
    lines = await by_form(app, ballot, filled, by)
    return told(decided_answer(app, ballot.asked, lines))


def _left_pending(app: App, ballot: Ballot, why: str) -> CallToolResult:
    answer = decided_answer(
        app,
        ballot.asked,
        [line(own, f"NOT approved: {why}") for own in ballot.asked],
        summary=f"NOT approved: {why}. {_pending(ballot)}.",
        next_step="Tell the user, and do not ask again unless told to. If no form was seen, this "
        f"host shows none: the user decides {in_person(app, _only(ballot))}.",
    )
    return told(answer)


def _pending(ballot: Ballot) -> str:
    count = len(ballot.questions)
    return "The trade stays pending" if count == 1 else f"{count} trades stay pending"


def _only(ballot: Ballot) -> str | None:
    """Return the trade's id where the call names one alone."""
    return ballot.asked[0].trade.trade_id if len(ballot.asked) == 1 else None


def _plain(phrase: str | None) -> str:
    return " ".join((phrase or "").split())


def _ask_for_phrase(app: App, asked: Asked, *, given: str | None) -> str:
    trade = asked.trade
    cause = "the phrase is wrong" if given else "no phrase was given"
    ticket = [*ticket_lines(trade), *(f"Notice: {notice}" for notice in asked.question.notices)]
    return "\n".join(
        (
            f"NOT approved: {cause}. The trade stays pending and nothing was sent.",
            f"Ticket {trade.trade_id}: {title_of(trade)} ({trade.venue}, PAPER)",
            *(f"- {part}" for part in ticket),
            f"Show this ticket to the user and ask the user to type: {trade.confirmation}",
            "Do not type it for the user, and do not call again before the user has typed it. The "
            f"user can also decide {in_person(app, trade.trade_id)}.",
        )
    )
