"""Rehearsal models over any market table: always a valid answer, never a repair."""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.ids import meaning_id
from council.context import WeekContext
from council.llm.questions import (
    chairman_question,
    checkpoint_question,
    pitch_question,
    research_question,
    review_question,
)
from council.llm.rehearsal.styles import STYLES
from council.llm.rehearsal.transport import completion
from council.llm.turns import Mode, Turn, request_for
from council.llm.validation import read_answer
from council.model.base import Direction
from council.model.checkpoint import Action, IndicatorReading
from council.model.market import INDICATOR_NAMES, InstrumentSnapshot, MarketSnapshot
from council.model.pitch import FrozenIndicator, PitchAnswer
from council.model.review import AnonymousPitch, Ballot, Review, ReviewAnswer
from council.ports import Question, ResearchTask
from council.trading.readings import read_again
from tests.builders import (
    NOW,
    UNIVERSE,
    WEEK_ID,
    make_config,
    make_instrument,
    make_pitch,
    make_snapshot,
)

CONFIG = make_config()
ENDS = FrozenIndicator(name="SPY.close", operator="<", threshold=98.0, current=100.0)
SETTINGS = CONFIG.models.accounts["ALPHA"]
ANY_MARKET = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])

fractions = st.none() | st.floats(-0.6, 0.6)
bounds = {
    "rsi_14": st.none() | st.floats(0, 100),
    "atr_14": st.none() | st.floats(0, 50),
    "realised_volatility_20d": st.none() | st.floats(0, 2),
}
indicators = st.fixed_dictionaries({n: bounds.get(n, fractions) for n in INDICATOR_NAMES})
closes = st.decimals("0.5", "900", places=2)


@st.composite
def markets(draw: st.DrawFn) -> MarketSnapshot:
    """Draw a table in which some instruments lack prices and some numbers are unknown."""
    priced = draw(st.lists(st.sampled_from(UNIVERSE), min_size=1, unique=True))
    proxy = _instrument(draw, "VIXY") if draw(st.booleans()) else None
    return make_snapshot(
        instruments=tuple(_instrument(draw, symbol) for symbol in UNIVERSE if symbol in priced),
        without_prices=tuple(symbol for symbol in UNIVERSE if symbol not in priced),
        volatility_proxy=proxy,
    )


def _instrument(draw: st.DrawFn, symbol: str) -> InstrumentSnapshot:
    known = draw(indicators | st.just(dict.fromkeys(INDICATOR_NAMES)))
    return make_instrument(symbol, last_close=draw(closes), indicators=known)


def ask(question: Question[Any], name: str) -> Any:
    """Return the model's answer; fail if it is not valid at the first try."""
    turn = Turn(mode=Mode.STRICT, max_tokens=1_000)
    request = request_for(question, turn, model=f"rehearsal/{name}", settings=SETTINGS)
    body = {"model": request.model, "messages": list(request.messages), **request.options}
    status, answered = completion(json.loads(json.dumps(body)))
    assert status == 200, answered
    text = answered["choices"][0]["message"]["content"]
    reading = read_answer(text, question.answer_type, question.problems)
    assert reading.problems == ()
    return reading.answer


def pitches_over(market: MarketSnapshot) -> dict[str, PitchAnswer]:
    context = WeekContext(WEEK_ID, snapshot=market)
    return {name: ask(pitch_question("ALPHA", context, CONFIG), name) for name in STYLES}


def ballot_of(answers: dict[str, PitchAnswer], market: MarketSnapshot) -> Ballot:
    numbers = market.numbers()
    pitches = []
    for place, answer in enumerate(answers.values(), start=1):
        fields = answer.model_dump()
        ends = fields["invalidation_rule"]
        frozen = [{**rule, "current": numbers[rule["name"]]} for rule in fields["indicators"]]
        fields |= {"indicators": frozen, "label": f"P{place}"}
        fields |= {"invalidation_rule": ends and {**ends, "current": numbers[ends["name"]]}}
        pitches.append(AnonymousPitch.model_validate(fields))
    ids = {pitch.label: meaning_id("pitch", pitch.label) for pitch in pitches}
    return Ballot(reviewer="ALPHA", pitches=tuple(pitches), pitch_ids=ids)


def kept(answers: Sequence[ReviewAnswer], ballot: Ballot, reviewer: str) -> tuple[Review, ...]:
    return tuple(
        Review(
            review_id=meaning_id("review", reviewer, answer.label),
            week_id=WEEK_ID,
            pitch_id=ballot.pitch_ids[answer.label],
            reviewer=reviewer,
            reviewer_model="rehearsal",
            anonymized_pitch_id=answer.label,
            display_index=0,
            made_at=NOW,
            **answer.model_dump(exclude={"label"}),
        )
        for answer in answers
    )


@ANY_MARKET
@given(markets())
def test_every_stage_is_answered_validly_whatever_the_market(market: MarketSnapshot) -> None:
    context = WeekContext(WEEK_ID, snapshot=market)
    ask(research_question(ResearchTask(WEEK_ID, "A", market, UNIVERSE, None)), "research")
    ballot = ballot_of(pitches_over(market), market)
    reviews: list[Review] = []
    for name in STYLES:
        answer = ask(review_question(ballot, context, CONFIG), name)
        reviews.extend(kept(answer.reviews, ballot, name))

    reviewed = WeekContext(WEEK_ID, snapshot=market, reviews=tuple(reviews))
    decision = ask(chairman_question(reviewed, ballot, (), CONFIG), "chairman")

    trades = {(pitch.instrument, pitch.direction) for pitch in ballot.pitches}
    assert (decision.selected_trade.instrument, decision.selected_trade.direction) in trades


@ANY_MARKET
@given(markets())
def test_an_instrument_without_prices_is_never_chosen_and_never_at_the_top(
    market: MarketSnapshot,
) -> None:
    for answer in pitches_over(market).values():
        assert answer.instrument in market.tradable
        if answer.direction is Direction.LONG:
            assert answer.ranking[0].instrument in market.tradable


def test_a_market_of_which_nothing_is_known_gives_flat_and_zero() -> None:
    nothing = dict.fromkeys(INDICATOR_NAMES)
    market = make_snapshot(
        instruments=tuple(make_instrument(symbol, indicators=nothing) for symbol in UNIVERSE),
        volatility_proxy=None,
    )

    for answer in pitches_over(market).values():
        assert (answer.direction, answer.conviction) == (Direction.FLAT, Decimal(0))


def short_market(moves: dict[str, float]) -> MarketSnapshot:
    """Return a table of which only the last session's `moves` are known, by symbol."""
    nothing = dict.fromkeys(INDICATOR_NAMES)
    rows = [make_instrument(s, indicators={**nothing, "return_1d": moves.get(s)}) for s in UNIVERSE]
    return make_snapshot(instruments=tuple(rows), volatility_proxy=None)


@pytest.mark.parametrize(("move", "sign"), [(0.0001, 1), (0.08, 1), (-0.0001, -1), (-0.08, -1)])
def test_two_sessions_are_enough_for_the_smallest_conviction(move: float, sign: int) -> None:
    answers = pitches_over(short_market({"GLD": move, "TLT": move / 2, "USO": 0.0}))

    half = Decimal("0.5") * sign
    assert {name: (a.instrument, a.conviction) for name, a in answers.items()} == {
        "momentum": ("GLD", half),
        "mean-reversion": ("GLD", -half),
        "trend": ("GLD", half),
        "carry": ("GLD", half),
        "volatility-regime": ("GLD", half),
    }
    assert all("in the last session" in a.thesis_bullets[-1] for a in answers.values())


def test_a_long_history_gives_its_own_conviction_and_not_the_smallest() -> None:
    answers = pitches_over(lively_market())

    assert {abs(answer.conviction) for answer in answers.values()} - {Decimal("0.5")}


def lively_market() -> MarketSnapshot:
    """Return a table in which each style finds something of its own."""
    shapes: dict[str, dict[str, float]] = {
        "SPY": {"return_20d": 0.09, "return_60d": 0.18, "realised_volatility_20d": 0.16},
        "TLT": {"rsi_14": 16.0, "return_5d": -0.06, "realised_volatility_20d": 0.14},
        "GLD": {"distance_from_average_50d": -0.2, "distance_from_average_200d": -0.25},
        "UUP": {"realised_volatility_20d": 0.03, "return_60d": 0.03},
        "USO": {"realised_volatility_20d": 0.6, "return_1d": -0.04},
    }
    usual = {**dict.fromkeys(INDICATOR_NAMES, 0.0), "rsi_14": 50.0, "atr_14": 1.2}
    usual["realised_volatility_20d"] = 0.15
    rows = [make_instrument(s, indicators={**usual, **shapes.get(s, {})}) for s in UNIVERSE]
    proxy = make_instrument("VIXY", indicators={"return_20d": 0.3, "realised_volatility_20d": 0.8})
    return make_snapshot(instruments=tuple(rows), volatility_proxy=proxy)


def test_the_managers_see_different_trades_in_the_same_market() -> None:
    answers = pitches_over(lively_market())

    trades = {name: (answer.instrument, answer.direction) for name, answer in answers.items()}

    assert trades == {
        "momentum": ("SPY", Direction.LONG),
        "mean-reversion": ("TLT", Direction.LONG),
        "trend": ("GLD", Direction.SHORT),
        "carry": ("UUP", Direction.LONG),
        "volatility-regime": ("USO", Direction.SHORT),
    }


def test_the_same_question_gets_the_same_answer() -> None:
    assert pitches_over(lively_market()) == pitches_over(lively_market())


def test_reviewers_of_different_styles_score_differently() -> None:
    market = lively_market()
    context = WeekContext(WEEK_ID, snapshot=market)
    ballot = ballot_of(pitches_over(market), market)

    means = {
        name: tuple(
            review.scores.mean
            for review in ask(review_question(ballot, context, CONFIG), name).reviews
        )
        for name in STYLES
    }

    assert len(set(means.values())) == len(STYLES)
    assert all(len(set(of_one)) > 1 for of_one in means.values())


@pytest.mark.parametrize("held", [Direction.LONG, Direction.SHORT])
@pytest.mark.parametrize(
    ("crossed", "close", "result", "action"),
    [
        (0, 99.0, -0.1, Action.STAY),
        (1, 99.0, 0.01, Action.REDUCE),
        (1, 99.0, -0.05, Action.EXIT),
        (2, 99.0, 0.02, Action.EXIT),
        (0, 97.0, 0.02, Action.EXIT),
    ],
)
def test_a_checkpoint_follows_the_crossed_indicators_and_the_invalidation(
    held: Direction, crossed: int, *, close: float, result: float, action: Action
) -> None:
    readings = tuple(
        IndicatorReading(
            name="SPY.rsi_14", operator=">", threshold=70, current=55, now=None, crossed=i < crossed
        )
        for i in range(3)
    )
    question = checkpoint_question(
        "ALPHA",
        WeekContext(WEEK_ID, pitches=(make_pitch("ALPHA"),)),
        CONFIG,
        slot="12:00",
        taken_on=date(2026, 11, 19),
        held=held,
        position={
            "direction": held.value,
            "profit_fraction": result,
            "conviction": Decimal("1.5") * held.sign,
        },
        readings=readings,
        invalidation=read_again([ENDS], {"SPY.close": close}),
        peers=(),
    )

    assert ask(question, "momentum").action is action


def test_a_managers_invalidation_rule_says_what_its_sentence_says() -> None:
    for answer in pitches_over(lively_market()).values():
        rule = answer.invalidation_rule

        assert rule is not None
        assert f"{rule.threshold:g}" in answer.invalidation
        assert rule.name == f"{answer.instrument}.close"
        assert rule.operator == (">" if answer.direction is Direction.SHORT else "<")


def test_the_chairman_follows_the_scoreboard_and_hears_every_other_trade() -> None:
    market = lively_market()
    ballot = ballot_of(pitches_over(market), market)
    board = tuple({"label": label} for label in ("P3", "P1", "P2", "P4", "P5"))
    question = chairman_question(WeekContext(WEEK_ID, snapshot=market), ballot, board, CONFIG)

    decision = ask(question, "chairman")

    trade = (decision.selected_trade.instrument, decision.selected_trade.direction)
    assert trade == ("GLD", Direction.SHORT)
    assert [dissent.label for dissent in decision.dissent_summary] == ["P1", "P2", "P4", "P5"]


def test_an_unknown_rehearsal_model_is_not_served() -> None:
    status, body = completion({"model": "rehearsal/oracle", "messages": []})

    assert (status, body["error"]["message"]) == (404, "unknown model 'rehearsal/oracle'")
