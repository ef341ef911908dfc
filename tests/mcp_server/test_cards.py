"""What the approval card is given: the document itself, and a trade's arguments on one page."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import mcp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.ids import meaning_id
from council.context import WeekContext
from council.events import CheckpointTaken
from council.model.checkpoint import Action, Checkpoint
from council.model.decision import Dissent
from council.model.pitch import FrozenIndicator
from council.trade_facts import TradeProposed
from mcp_server import stopping
from mcp_server.apps.arguments import argument_of, flags_of
from mcp_server.apps.card import CARD_URI, card_html
from mcp_server.apps.card_shapes import conviction_word
from mcp_server.apps.cards import read_cards
from mcp_server.readings import list_trades
from mcp_server.server import build_server
from tests.browser.scene import IMAGE, SCRIPT, store_week
from tests.builders import (
    CHAIRMAN,
    MANAGERS,
    NOW,
    WEEK_ID,
    make_decision,
    make_pitch,
    make_review,
    make_scores,
    make_ticket,
)
from tests.mcp_server.conftest import OpenApp

CARDS_BUDGET_BYTES = 60_000
REACHES_OUT = re.compile(r"\b(?:src|href|srcset|action)\s*=|https?:|//\w|url\(|@import|import\(")
MAKES_MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")


def a_week(**changes: Any) -> WeekContext:
    reviews = tuple(
        make_review(reviewer, scores=make_scores(score), best_argument_against=f"Against, {score}.")
        for reviewer, score in zip(MANAGERS[1:], (8, 3, 6, 5), strict=True)
    )
    fields: dict[str, Any] = {"pitches": (make_pitch("ALPHA"),), "reviews": reviews}
    return replace(WeekContext(WEEK_ID), **{**fields, **changes})


def a_proposal(account: str = "ALPHA", **changes: Any) -> TradeProposed:
    ticket = make_ticket(account)
    fields: dict[str, Any] = {
        "week_id": WEEK_ID,
        "trade_id": ticket.trade_id,
        "account": account,
        "model": "vendor/model",
        "source_id": None,
        "ticket": ticket,
    }
    return TradeProposed(**{**fields, **changes})


def test_a_managers_card_argues_with_its_pitch_and_the_harshest_review_first() -> None:
    argument = argument_of(a_proposal(), a_week())

    assert argument.source == "pitch"
    assert argument.thesis == make_pitch().thesis_bullets
    assert argument.indicators[0].rule == "SPY.rsi_14 > 70"
    assert [review.mean_score for review in argument.reviews] == [3.0, 5.0, 6.0, 8.0]
    assert argument.reviews[0].objection == "Against, 3."


def test_no_reviewer_is_named_on_a_card() -> None:
    shown = argument_of(a_proposal(), a_week()).model_dump_json()

    assert not [name for name in MANAGERS if name in shown]
    assert '"Reviewer 4"' in shown


def test_a_card_says_what_would_prove_the_trade_wrong_in_words_and_as_a_rule() -> None:
    rule = FrozenIndicator(name="SPY.close", operator="<", threshold=98.5, current=100.25)
    week = a_week(pitches=(make_pitch("ALPHA", invalidation_rule=rule),))

    assert argument_of(a_proposal(), week).invalidation == (
        "A close below the average of 50 sessions. [SPY.close < 98.5, was 100.25]"
    )
    assert argument_of(a_proposal(), a_week()).invalidation == (
        "A close below the average of 50 sessions."
    )


def test_the_councils_card_argues_with_its_reasons_its_dissent_and_the_vote() -> None:
    week = a_week(
        pitches=(make_pitch("ALPHA"), make_pitch("BRAVO", instrument="TLT")),
        decision=make_decision(overrides_vote=True),
    )

    argument = argument_of(a_proposal(CHAIRMAN), week)

    assert argument.source == "decision"
    assert argument.reason == make_decision().rationale
    assert argument.dissent == ("P2: Bonds would pay better.",)
    assert {(vote.trade, vote.agrees) for vote in argument.votes} == {
        ("LONG SPY", True),
        ("LONG TLT", False),
    }
    assert flags_of(CHAIRMAN, week) == ("The chairman chose against the reviewers' vote.",)


def test_a_checkpoints_card_says_why_now_beside_the_pitch() -> None:
    look = Checkpoint(
        checkpoint_id=meaning_id("checkpoint", WEEK_ID, "ALPHA", "12:00"),
        week_id=WEEK_ID,
        slot="12:00",
        taken_at=NOW,
        account="ALPHA",
        trade_id=make_ticket().trade_id,
        action=Action.REDUCE,
        conviction_before=Decimal(1),
        conviction_after=Decimal("0.5"),
        reason_delta="The frozen indicator crossed.",
        indicators=(),
        profit_usd="-120.50",
        decided_by="model",
        model="vendor/model",
    )
    week = a_week(checkpoints=(CheckpointTaken(week_id=WEEK_ID, account="ALPHA", checkpoint=look),))

    argument = argument_of(a_proposal(source_id=look.checkpoint_id), week)

    assert argument.source == "checkpoint"
    assert argument.reason.startswith("REDUCE at the checkpoint of 12:00 New York: The frozen")
    assert argument.thesis == make_pitch().thesis_bullets


def test_a_trade_without_anything_behind_it_still_has_a_card() -> None:
    argument = argument_of(a_proposal("DELTA"), WeekContext(WEEK_ID))

    assert (argument.source, argument.thesis, argument.reviews) == ("unknown", (), ())


@given(st.text(max_size=280), st.text(max_size=1_200))
def test_what_models_wrote_is_cleaned_and_cut(short: str, long: str) -> None:
    pitch = make_pitch().model_copy(update={"thesis_bullets": (short,), "monitoring_plan": long})

    argument = argument_of(a_proposal(), a_week(pitches=(pitch,)))

    assert len(argument.thesis[0].encode()) <= 300
    assert len(argument.plan.encode()) <= 1_200
    assert not {"\u200b", "\u202e", "\x1b"} & set(argument.thesis[0] + argument.plan)


def test_six_cards_of_the_longest_texts_stay_small() -> None:
    longest = {"thesis_bullets": ("\U0001f600" * 280,) * 5, "monitoring_plan": '"' * 1_200}
    pitch = make_pitch().model_copy(update=longest)
    reviews = tuple(
        make_review(reviewer, best_argument_against="é" * 280) for reviewer in MANAGERS * 3
    )
    week = a_week(pitches=(pitch,), reviews=reviews)
    views = (Dissent(label="P1", view="ß" * 280),) * 8
    decided = a_week(decision=make_decision(rationale="ü" * 1_200, dissent_summary=views))

    argued = argument_of(a_proposal(), week).model_dump_json()
    council = argument_of(a_proposal(CHAIRMAN), decided).model_dump_json()

    # A card's ticket takes less than two kilobytes beside its argument.
    assert 6 * (max(len(argued.encode()), len(council.encode())) + 2_000) < CARDS_BUDGET_BYTES


@pytest.mark.parametrize(
    ("conviction", "word"),
    [(2, "HIGH"), (-1.5, "HIGH"), (1, "MEDIUM"), (-0.5, "LOW"), (0, "FLAT")],
)
def test_a_conviction_has_a_word_whatever_its_sign(conviction: float, word: str) -> None:
    assert conviction_word(conviction) == word


async def test_the_cards_of_a_week_tell_what_stands_in_the_way(open_app: OpenApp) -> None:
    async with open_app() as app:
        await store_week(app)
        await stopping.halt(app, ["GROQ"], reason="Too fast.", by="anna", channel="cli")

        cards = await read_cards(app, await list_trades(app, status="pending"))

    by_account = {card.account: card for card in cards}
    assert list(by_account) == ["CHATGPT", "GEMINI", "GROQ", "CLAUDE", "DEEPSEEK", "COUNCIL"]
    assert by_account["GROQ"].notices[0] == (
        'Trading is halted for this account by anna: "Too fast.".'
    )
    assert "sizes to nothing" in by_account["CLAUDE"].notices[0]
    assert by_account["CHATGPT"].argument.thesis[:2] == (SCRIPT, IMAGE)
    assert by_account["CHATGPT"].conviction_word == "LOW"
    assert by_account["COUNCIL"].argument.source == "decision"
    assert len(json.dumps([card.model_dump(mode="json") for card in cards])) < CARDS_BUDGET_BYTES


async def test_a_trade_above_the_cap_says_that_a_card_cannot_approve_it(
    open_app: OpenApp,
) -> None:
    async with open_app() as opened:
        risk = opened.deps.config.risk
        approval = risk.approval.model_copy(update={"relayed_trade_usd": Decimal(50_000)})
        narrowed = risk.model_copy(update={"approval": approval})
        config = opened.deps.config.model_copy(update={"risk": narrowed})
        app = replace(opened, deps=replace(opened.deps, config=config))
        await store_week(app)

        cards = await read_cards(app, await list_trades(app, status="pending"))

    capped = [card.account for card in cards if "Approve it on the web page" in str(card.notices)]
    assert capped == ["CHATGPT", "COUNCIL"]


def test_the_card_is_one_document_that_reaches_nothing_and_makes_no_markup() -> None:
    document = card_html()

    assert not REACHES_OUT.findall(document)
    assert not MAKES_MARKUP.findall(document)
    assert "default-src 'none'" in document
    assert "/* scripts */" not in document
    assert "/* style */" not in document


async def test_the_card_is_listed_and_read_as_an_app() -> None:
    async with mcp.Client(build_server(_never_opened)) as client:
        listed = (await client.list_resources()).resources
        read = (await client.read_resource(CARD_URI)).contents[0]

    (card,) = [resource for resource in listed if str(resource.uri) == CARD_URI]
    assert card.mime_type == read.mime_type == "text/html;profile=mcp-app"
    assert read.meta == {"ui": {"csp": {}, "prefersBorder": True}}
    assert _text(read) == card_html()


def _never_opened() -> Any:
    raise AssertionError("reading the card must open nothing")


def _text(content: Any) -> str:
    text: str = content.text
    return text


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _pair(name: str, document: str) -> Sequence[str]:
    """Return the light and the dark colour of a name of the style."""
    found = re.search(rf"--{name}:\s*light-dark\((#\w+),\s*(#\w+)\)", document)
    assert found is not None, name
    return found.groups()


@pytest.mark.parametrize("text", ["text", "soft"])
@pytest.mark.parametrize("ground", ["page", "card", "well"])
def test_text_can_be_read_in_light_and_in_dark(text: str, ground: str) -> None:
    document = card_html()

    for one, other in zip(_pair(text, document), _pair(ground, document), strict=True):
        assert _contrast(one, other) >= 4.5


def test_warnings_and_convictions_can_be_read_too() -> None:
    document = card_html()

    for one, other in zip(_pair("warn-text", document), _pair("warn", document), strict=True):
        assert _contrast(one, other) >= 4.5
    for strength, colour in (("high", "#15803d"), ("medium", "#b45309"), ("low", "#b91c1c")):
        assert f"--{strength}: {colour}" in document
        assert _contrast("#ffffff", colour) >= 4.5
