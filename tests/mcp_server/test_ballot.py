"""The form by itself, and which clients are shown one."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.server.elicitation import render_elicitation_schema
from mcp_types import ClientCapabilities, ElicitationCapability
from syrupy.assertion import SnapshotAssertion

from mcp_server import operations
from mcp_server.readings import list_trades
from mcp_server.shapes import TradeShape
from mcp_server.tools.ballot import read_asked, shows_forms
from mcp_server.tools.form import (
    CHOICES,
    NO_REASON,
    Question,
    form_message,
    form_model,
    read_form,
)
from mcp_server.tools.serving import HostContext
from mcp_server.views import trade_shape
from tests.builders import make_ticket
from tests.mcp_server.conftest import OpenApp

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


def shape_of(account: str, **changes: Any) -> TradeShape:
    ticket = make_ticket(account, **changes)
    row = {
        "trade_id": ticket.trade_id,
        "week_id": ticket.week_id,
        "account_id": ticket.account,
        "venue": ticket.venue,
        "model": "rehearsal/momentum",
        "instrument": ticket.instrument,
        "direction": ticket.direction,
        "conviction": ticket.conviction,
        "status": "pending",
        "ticket": ticket.model_dump(mode="json"),
    }
    return trade_shape(row, ())


QUESTIONS = (
    Question(shape_of("ALPHA"), round=1),
    Question(shape_of("BETA", conviction="-1.5"), round=2, notices=("It buys nothing.",)),
)


def context(elicitation: dict[str, Any] | None, **session: Any) -> HostContext:
    """Return the little of a call's context that says what its client shows."""
    declared = None if elicitation is None else ElicitationCapability.model_validate(elicitation)
    client = SimpleNamespace(client_info=SimpleNamespace(name="Blind-Host"))
    usual = {"can_send_request": True, "client_params": client}
    return cast(
        "HostContext",
        SimpleNamespace(
            client_capabilities=ClientCapabilities(elicitation=declared),
            protocol_version="2025-11-25",
            session=SimpleNamespace(**{**usual, **session}),
        ),
    )


def test_the_form_reads_as_agreed(snapshot: SnapshotAssertion) -> None:
    assert form_message(QUESTIONS) == snapshot(name="message")
    assert render_elicitation_schema(form_model(QUESTIONS)) == snapshot(name="schema")


def test_every_choice_is_later_unless_the_person_chooses() -> None:
    filled = read_form(form_model(QUESTIONS)(), QUESTIONS)

    assert filled is not None
    assert set(filled.choices.values()) == {"later"}
    assert filled.reason == NO_REASON


@pytest.mark.parametrize("changes", [{"notional_usd": 1}, {"lowest_price": 1}, {"legs": ()}])
def test_another_ticket_or_round_is_another_question(changes: dict[str, Any]) -> None:
    same = form_message((Question(shape_of("ALPHA"), round=1),))
    ticket = form_message((Question(shape_of("ALPHA", **changes), round=1),))
    later = form_message((Question(shape_of("ALPHA"), round=2),))

    assert len({same, ticket, later}) == 3
    assert same == form_message(QUESTIONS[:1])


def test_what_the_trades_come_to_together_stands_after_the_tickets() -> None:
    plain = form_message(QUESTIONS)

    paragraphs = form_message(QUESTIONS, "These 2 trades alone: net +0.50x.").split("\n\n")

    assert paragraphs[-2] == "These 2 trades alone: net +0.50x."
    assert "\n\n".join((*paragraphs[:-2], paragraphs[-1])) == plain


@given(st.lists(ANY_JSON, min_size=2, max_size=2), ANY_JSON)
def test_whatever_comes_back_is_a_choice_that_was_offered_or_nothing(
    values: list[Any], reason: Any
) -> None:
    names = [question.field for question in QUESTIONS]
    sent = {**dict(zip(names, values, strict=True)), "reason": reason}

    filled = read_form(form_model(QUESTIONS).model_validate(sent), QUESTIONS)

    offered = all(value in CHOICES for value in values) and isinstance(reason, str)
    assert (filled is not None) == offered


@pytest.mark.parametrize(
    ("elicitation", "expected"),
    [
        (None, False),
        ({}, True),
        ({"form": {}}, True),
        ({"form": {}, "url": {}}, True),
        ({"url": {}}, False),
    ],
)
def test_a_client_is_shown_forms_if_it_declares_them(
    elicitation: dict[str, Any] | None, expected: bool
) -> None:
    assert shows_forms(context(elicitation)) is expected


def test_a_client_that_cannot_be_asked_or_is_known_not_to_show_forms_gets_none() -> None:
    assert not shows_forms(context({}, can_send_request=False))
    assert not shows_forms(context({}), ("blind-host",))
    assert shows_forms(context({}, client_params=None), ("blind-host",))


async def test_the_form_quotes_the_views_that_the_chairman_overruled(open_week: OpenApp) -> None:
    async with open_week() as app:
        trades = await list_trades(app, status="pending")
        (council,) = [trade for trade in trades if trade.account == "COUNCIL"]
        asked = [await read_asked(app, trade.trade_id) for trade in trades]
        decision = (await operations.week(app, council.week_id)).decision

    assert decision is not None
    assert decision.dissent
    by_account = {own.trade.account: own.question.notices for own in asked}
    dissent = [line for line in by_account["COUNCIL"] if "dissents: “" in line]
    assert len(dissent) == min(3, len(decision.dissent))
    assert all(f"- Note: {line}" in form_message([asked[-1].question]) for line in dissent)
    assert not [line for name in by_account if name != "COUNCIL" for line in by_account[name]]
