"""The form in which a person decides on trades: its words, its fields, and how it is read.

Everything in it is a pure function of what is stored: the same question comes out again when the
answer arrives, at whichever server, and another one as soon as a ticket has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, Field, WithJsonSchema, create_model

from mcp_server.apps.card_shapes import conviction_word
from mcp_server.rendering.words import new_york
from mcp_server.shapes import TradeShape
from mcp_server.tools.lines import trade_words

Choice = Literal["later", "approve", "reject"]
CHOICES: tuple[Choice, ...] = ("later", "approve", "reject")
"""In the order shown: a host that preselects the first one selects what does nothing."""

NO_REASON = "Rejected in the approval form; no reason was given."
_REASON_CHARACTERS = 500
_REASON = "reason"
_DIGEST_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Question:
    """One trade on the form; `round` counts how often it was asked, from 1."""

    trade: TradeShape
    round: int
    notices: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """Return the name of the trade's field, which no other trade has."""
        return f"trade_{self.trade.trade_id.replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that came back: a choice for each trade id, and the reason for the rejections."""

    choices: dict[str, Choice]
    reason: str


def form_message(questions: Sequence[Question], together: str = "") -> str:
    """Return the tickets as a person reads them, in lines that are good as text and as Markdown.

    `together` says what they come to, "" for nothing.
    """
    count = "1 trade waits" if len(questions) == 1 else f"{len(questions)} trades wait"
    opening = f"PAPER trading only. {count} for your decision."
    tickets = [_ticket(place, question) for place, question in enumerate(questions, start=1)]
    closing = 'Approving lets the executor send paper orders. "later" decides nothing.'
    return "\n\n".join((opening, *tickets, *([together] if together else []), closing))


def form_model(questions: Sequence[Question]) -> type[BaseModel]:
    """Return the form: one choice a trade, `later` unless the person chooses, and a reason.

    It takes whatever comes back, so that `read_form` can say what is wrong with it.
    """
    fields: dict[str, Any] = {
        question.field: (_choice(question), "later") for question in questions
    }
    fields[_REASON] = (_reason(), "")
    return cast("type[BaseModel]", create_model("Decisions", **fields))


def read_form(answer: BaseModel, questions: Sequence[Question]) -> Filled | None:
    """Return what the person chose; None where any field holds what the form did not offer."""
    given = {question.trade.trade_id: getattr(answer, question.field) for question in questions}
    reason = getattr(answer, _REASON)
    if not isinstance(reason, str) or any(value not in CHOICES for value in given.values()):
        return None
    return Filled(given, reason.strip()[:_REASON_CHARACTERS] or NO_REASON)


def ticket_lines(trade: TradeShape) -> tuple[str, ...]:
    """Return what approving a trade means, a sentence without its full stop for each part."""
    orders = "; then ".join(f"{leg.side} {leg.quantity:,} {leg.symbol}" for leg in trade.legs)
    band = f"{trade.lowest_price:,.2f} to {trade.highest_price:,.2f} USD"
    return (
        f"Orders: {orders or 'none'}",
        f"Size: about {trade.notional_usd:,.2f} USD, {trade.equity_share:.0%} of the account",
        f"Price: only while it is {band} a share",
        f"Conviction: {conviction_words(trade.conviction)}",
        f"Expires: {new_york(trade.expires_at)} New York",
        f"Ticket: {trade.digest[:_DIGEST_CHARACTERS]}",
    )


def conviction_words(conviction: float) -> str:
    """Return a conviction in number and word, such as "+1.5 of 2, HIGH"."""
    return f"{conviction:+g} of 2, {conviction_word(conviction)}"


def title_of(trade: TradeShape) -> str:
    """Return a trade in a few words, such as "CHATGPT LONG 120 SPY"."""
    return f"{trade.account} {trade_words(trade)}"


def _ticket(place: int, question: Question) -> str:
    trade = question.trade
    asked_again = (
        f"Asked for time {question.round}: an earlier approval was taken back or became void"
    )
    lines = [
        *ticket_lines(trade),
        *(f"Note: {notice}" for notice in question.notices),
        *((asked_again,) if question.round > 1 else ()),
    ]
    heading = f"{place}. {title_of(trade)} ({trade.venue}, PAPER)"
    return "\n".join((heading, *(f"- {line}" for line in lines)))


def _choice(question: Question) -> Any:
    schema = {"type": "string", "enum": list(CHOICES), "title": title_of(question.trade)}
    return Annotated[Any, WithJsonSchema(schema)]


def _reason() -> Any:
    schema = {"type": "string", "maxLength": _REASON_CHARACTERS}
    field = Field(title="Reason, if you reject", description="May be empty.")
    return Annotated[Any, WithJsonSchema(schema), field]
