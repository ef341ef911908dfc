import re
from collections import Counter
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import load_config
from council.anonymise import (
    anonymous_pitch,
    anonymous_reviews,
    ballot_for,
    sealed_labels,
    telling_names,
    without_names,
)
from council.context import WeekContext
from council.model.pitch import FrozenIndicator
from tests.builders import (
    CHAIRMAN,
    MANAGERS,
    WEEK_ID,
    make_config,
    make_pitch,
    make_review,
    make_snapshot,
)

CONFIG = make_config()
SHIPPED = load_config()
NAMES = telling_names(SHIPPED)
CONTEXT = WeekContext(WEEK_ID, pitches=tuple(make_pitch(account) for account in MANAGERS))

GIVE_AWAYS = (
    "As an AI language model, I see breadth improving.",
    "As a large language model trained by Google, I see breadth improving.",
    "As an AI assistant developed by OpenAI, I see breadth improving.",
    "I'm Claude and I see breadth improving.",
    "ChatGPT here: breadth is improving.",
    "chatgpt, GEMINI and DeepSeek would disagree, breadth is improving.",
    "GPT-5.2 thinks breadth is improving.",
    "gpt 5 thinks breadth is improving.",
    "Written by anthropic/claude-sonnet-4-5: breadth is improving.",
    "Claude Sonnet 4.5 sees breadth improving.",
    "claude_sonnet_4_5 sees breadth improving.",
    "Grok (xAI) likes it: breadth is improving.",
    "My training data ends in 2025, yet breadth is improving.",
    "My knowledge cutoff is June 2025; breadth is improving.",
    "deepseek-ai/DeepSeek-V3 says breadth is improving.",
    "Gemini-3-pro-preview sees breadth improving.",
    "**Claude**: breadth is improving.",
    "Cl\u200baude sees breadth improving.",
    "\uff23\uff4c\uff41\uff55\uff44\uff45 sees breadth improving.",
    "Rehearsal: rehearsal/mean-reversion sees breadth improving.",
)
TELLING = re.compile(
    "claude|anthropic|sonnet|openai|chatgpt|gpt|gemini|google|grok|xai|deepseek|rehearsal/|"
    "language|model|assistant|training|knowledge|developed"
)

INNOCENT = (
    "Return over 20 sessions is 0.043; RSI at 61.2 is below 70.",
    "SPY.rsi_14 > 70 and QQQ.distance_from_average_50d < 0 by Friday's close.",
    "Momentum and carry agree; mean reversion does not, the trend is up.",
    "Grokking the curve aside, rates fall; an aid package and the air cargo data help.",
    "Being an airline-heavy week, IWM lags; my knowledge of positioning is thin.",
    "It is worth 5 dollars; they argue against it, so we argue about nothing and look well.",
    "The council of ministers meets; a 3-1 vote, 5 * 4 = 20 and 2_000 are only numbers.",
)


@pytest.mark.parametrize("text", GIVE_AWAYS)
def test_nothing_that_tells_the_author_is_left(text: str) -> None:
    scrubbed = without_names(text, names=NAMES).lower()

    assert TELLING.findall(scrubbed) == []
    assert "breadth" in scrubbed
    assert "improving" in scrubbed


@pytest.mark.parametrize("text", INNOCENT)
def test_what_tells_nobody_stays_word_for_word(text: str) -> None:
    assert without_names(text, names=NAMES) == text.replace(";", ",")


@pytest.mark.parametrize(
    "written",
    [
        "GPT\u20115.2",
        "GPT\u2010 5.2",
        "Gemini\u20143",
        "Gemini 3 Pro",
        "gemini-3-flash-preview",
        "gpt-5.2-mini",
        "DeepSeek R1",
        "Claude Opus 4.5",
        "xai/grok-4-1-fast",
    ],
)
def test_neither_version_nor_tier_outlives_the_name(written: str) -> None:
    assert without_names(f"{written} sees breadth", names=NAMES) == "[name] sees breadth."


def test_markdown_and_line_breaks_go() -> None:
    text = "## Thesis\n- **Breadth** improves\n* `SPY.rsi_14` holds"

    assert without_names(text, names=NAMES) == "Thesis. Breadth improves. SPY.rsi_14 holds."


@given(
    name=st.sampled_from(["claude", "gpt-5.2", "gemini", "grok", "deepseek"]),
    around=st.lists(st.sampled_from(list(" .,:;!?()[]*_`'\"\n\u200b/-")), min_size=2, max_size=8),
    upper=st.booleans(),
)
def test_no_punctuation_around_a_name_saves_it(name: str, around: list[str], upper: bool) -> None:
    written = name.upper() if upper else name
    text = f"we{''.join(around[:-1])} {written}{around[-1]} agree"

    assert name not in without_names(text, names=NAMES).lower()


def test_the_shipped_nicknames_and_models_are_all_telling() -> None:
    for manager in SHIPPED.managers:
        assert manager.nickname.lower() in NAMES
        assert SHIPPED.models.accounts[manager.nickname].model.lower() in NAMES


@pytest.mark.parametrize("account", MANAGERS)
def test_a_ballot_never_holds_the_reviewers_own_pitch(account: str) -> None:
    ballot = ballot_for(account, CONTEXT, CONFIG)
    own = next(pitch.idea_id for pitch in CONTEXT.pitches if pitch.account == account)

    assert len(ballot.pitches) == len(MANAGERS) - 1
    assert own not in ballot.pitch_ids.values()


def test_one_who_did_not_pitch_reviews_all() -> None:
    absent = WeekContext(WEEK_ID, pitches=CONTEXT.pitches[1:])

    assert len(ballot_for(MANAGERS[0], absent, CONFIG).pitches) == len(MANAGERS) - 1


def test_the_chairman_sees_every_pitch() -> None:
    assert len(ballot_for(CHAIRMAN, CONTEXT, CONFIG).pitches) == len(MANAGERS)


def test_a_pitch_has_the_same_label_for_every_reader() -> None:
    seen: dict[str, set[object]] = {}
    for reader in (*MANAGERS, CHAIRMAN):
        for label, pitch_id in ballot_for(reader, CONTEXT, CONFIG).pitch_ids.items():
            seen.setdefault(label, set()).add(pitch_id)

    assert sorted(seen) == ["P1", "P2", "P3", "P4", "P5"]
    assert all(len(pitches) == 1 for pitches in seen.values())


def test_labels_do_not_follow_the_order_of_the_accounts() -> None:
    authors = set()
    for day in ("2026-11-04", "2026-11-11", "2026-11-18", "2026-11-25"):
        pitches = tuple(make_pitch(account, week_id=day) for account in MANAGERS)
        labels = sealed_labels(WeekContext(day, pitches=pitches))
        authors.add(tuple(pitch.account for pitch in labels.values()))

    assert len(authors) == 4
    assert MANAGERS not in authors


def test_labels_do_not_depend_on_the_order_in_which_pitches_were_stored() -> None:
    turned = WeekContext(WEEK_ID, pitches=CONTEXT.pitches[::-1])

    assert sealed_labels(turned) == sealed_labels(CONTEXT)


def test_every_pitch_stands_about_equally_often_at_each_place() -> None:
    orders = [
        tuple(pitch.label for pitch in ballot_for(reader, CONTEXT, CONFIG).pitches)
        for reader in MANAGERS
    ]

    assert len(set(orders)) == len(MANAGERS)
    for place in range(len(MANAGERS) - 1):
        assert max(Counter(order[place] for order in orders).values()) <= 2


def test_an_anonymous_pitch_holds_no_text_of_its_author() -> None:
    manager = SHIPPED.managers[0].nickname
    signed = f"{manager} says so, as an AI language model."
    pitch = make_pitch(
        manager,
        thesis_bullets=(signed, "Breadth improves."),
        invalidation=signed,
        monitoring_plan=signed,
        choice_explanation=signed,
    )

    text = anonymous_pitch("P1", pitch, SHIPPED).model_dump_json().lower()

    assert manager.lower() not in text
    assert "language model" not in text
    assert "breadth improves." in text


def test_reviewers_are_shown_which_numbers_the_market_table_does_not_bear_out() -> None:
    (frozen,) = make_pitch().indicators
    wrong = make_pitch(
        "ALPHA",
        thesis_bullets=("SPY.close (90.00) is low, SPY.rsi_14 > 70 ends it.",),
        indicators=(frozen.model_copy(update={"current": 1.5}),),
    )
    numbers = {"SPY.close": 100.25, "SPY.rsi_14": 55.5}
    context = WeekContext(WEEK_ID, snapshot=make_snapshot(), pitches=(wrong,))

    (shown,) = ballot_for("BRAVO", context, CONFIG).pitches

    assert anonymous_pitch("P1", wrong, CONFIG, numbers=numbers).number_flags == (
        "SPY.close is cited as 90.00, the market table has 100.25",
        "SPY.rsi_14 is frozen at 1.5, the market table has 55.5",
    )
    assert len(shown.number_flags) == 2
    assert anonymous_pitch("P1", wrong, CONFIG).number_flags == ()


def test_an_anonymous_pitch_carries_the_frozen_indicators() -> None:
    pitch = CONTEXT.pitches[0]

    assert anonymous_pitch("P1", pitch, CONFIG).indicators == pitch.indicators


def test_reviewers_see_the_rule_that_ends_a_trade_and_whether_its_value_is_the_tables() -> None:
    rule = FrozenIndicator(name="SPY.close", operator="<", threshold=95.0, current=99.0)
    pitch = make_pitch("ALPHA", invalidation_rule=rule)

    shown = anonymous_pitch("P1", pitch, CONFIG, numbers={"SPY.close": 100.25})

    assert shown.invalidation_rule == rule
    assert shown.number_flags == ("SPY.close is frozen at 99, the market table has 100.25",)


def test_reviews_reach_the_chairman_in_an_order_and_words_that_tell_nothing() -> None:
    reviews = tuple(
        make_review(reviewer, "ALPHA", best_argument_against=f"{reviewer} doubts it.")
        for reviewer in MANAGERS[1:]
    )
    context = WeekContext(WEEK_ID, pitches=CONTEXT.pitches, reviews=reviews)

    shown = anonymous_reviews(context, CONFIG)

    assert {review.best_argument_against for review in shown} == {"[name] doubts it."}
    assert {review.review_id for review in shown} == {review.review_id for review in reviews}
    assert shown != reviews


def test_a_text_full_of_gaps_is_read_in_no_time() -> None:
    text = "One.\n \n\n  Two" + " " * 20_000 + "words."
    began = process_time()

    plain = without_names(text, names=("claude",))

    assert plain == "One. Two words."
    assert process_time() - began < 5  # seconds; without closing the gaps first it takes 20
