from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.model.research import ConfidenceNotes, ConsensusMap
from council.research.checks import MOST_FLAGS, flagged, wrong_quotes
from tests.builders import make_instrument, make_research_answer, make_snapshot

SNAPSHOT = make_snapshot(
    instruments=(
        make_instrument("SPY", last_close=Decimal("687.20")),
        make_instrument("TLT", last_close=Decimal("88.10")),
    )
)


def saying(text: str) -> ConsensusMap:
    return ConsensusMap(
        street_consensus=text,
        positioning_guess="x",
        what_market_is_priced_for="x",
        what_would_surprise="x",
    )


def quotes_in(text: str) -> tuple[str, ...]:
    return wrong_quotes(make_research_answer(consensus_map=saying(text)), SNAPSHOT)


@pytest.mark.parametrize(
    "text",
    [
        "SPY 450.",
        "SPY at $450, a record",
        "SPY (currently trading at 450) leads",
        "SPY closed at 450 on Tuesday",
        "SPY: $450",
        "SPY.close = 450",
        "with SPY around 450-455",
    ],
)
def test_a_price_of_another_day_is_found(text: str) -> None:
    assert quotes_in(text) == ("SPY 450 (close 687.20)",)


@pytest.mark.parametrize(
    "text",
    [
        "SPY closed at 687.20",
        "SPY at $700.",
        "SPY near 674",
        "SPY at 450%",
        "SPY 700-day average",
        "SPY.rsi_14 at 450",
        "SPY at 21 times earnings",
        "SPY at 3.5 percent",
        "SPY rose 450 points",
        "SPY and then $450 billion of buying",
        "NOSPY at 450",
        "spy at 450",
        "QQQ at 450",
        "SPY would break at 2026",
        "SPY $450 billion",
    ],
)
def test_what_is_no_price_or_a_right_one_is_left_alone(text: str) -> None:
    assert quotes_in(text) == ()


def test_levels_to_watch_are_no_quotes() -> None:
    answer = make_research_answer()
    candidate = answer.tradable_candidates[0].model_copy(
        update={"invalidation_rule": "SPY at 450", "watch_indicators": ("SPY at 450",)}
    )

    assert wrong_quotes(make_research_answer(tradable_candidates=(candidate,)), SNAPSHOT) == ()


def test_a_wrong_price_is_one_flag_and_the_text_stays_as_it_was() -> None:
    notes = ConfidenceNotes(known_unknowns=("u",), data_quality_flags=("stale",) * MOST_FLAGS)
    text = "SPY at 450, TLT at $101.50, SPY at 450 again"
    answer = make_research_answer(consensus_map=saying(text), confidence_notes=notes)

    checked = flagged(answer, SNAPSHOT)

    flags = checked.confidence_notes.data_quality_flags
    assert flags[0] == (
        "prices unlike the market table, which alone is right: "
        "SPY 450 (close 687.20), TLT 101.50 (close 88.10)"
    )
    assert len(flags) == MOST_FLAGS
    assert checked.consensus_map == answer.consensus_map
    assert checked.confidence_notes.known_unknowns == ("u",)


def test_a_pack_without_wrong_prices_stays_the_same() -> None:
    answer = make_research_answer()

    assert flagged(answer, SNAPSHOT) is answer


def test_many_wrong_prices_fit_into_one_flag() -> None:
    text = " ".join(f"SPY at {price}.123456" for price in range(300, 330))

    (flag, *_) = flagged(
        make_research_answer(consensus_map=saying(text)), SNAPSHOT
    ).confidence_notes.data_quality_flags

    assert flag.endswith("and 25 more")


@given(text=st.text(st.sampled_from("SPY TLT$.,0123456789%-() at"), min_size=1, max_size=300))
def test_no_text_breaks_the_check(text: str) -> None:
    answer = make_research_answer(consensus_map=saying(text))

    checked = flagged(answer, SNAPSHOT)

    assert type(answer).model_validate(checked.model_dump()) == checked


def test_what_the_market_table_lacks_is_said_in_the_pack() -> None:
    gap = "Of the last 60 sessions some are missing for TLT (2)."
    snapshot = make_snapshot(notices=(gap, "x" * 2_000))

    flags = flagged(make_research_answer(), snapshot).confidence_notes.data_quality_flags

    assert flags[0] == gap
    assert len(flags[1]) == 280
