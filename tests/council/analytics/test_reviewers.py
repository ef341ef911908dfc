from random import Random

import pytest

from council.analytics.inputs import Week
from council.analytics.proportions import Proportion
from council.analytics.resampling import FEWEST_WEEKS, Estimate, NotEnoughWeeks
from council.analytics.reviewers import (
    DissentScore,
    ReviewerScore,
    dissent_scores,
    harshest,
    reviewer_scores,
)
from council.model.decision import Dissent
from council.model.pitch import Pitch
from tests.builders import MANAGERS
from tests.council.analytics.weeks import (
    LABELS,
    decided,
    drawn_moves,
    moved_week,
    pitched,
    reviewed,
)

INSTRUMENTS = ("SPY", "TLT", "GLD", "USO", "UUP")


def long_all() -> list[Pitch]:
    return [pitched(name, s, 1) for name, s in zip(MANAGERS, INSTRUMENTS, strict=True)]


def seen_week(number: int, moves: dict[str, float], source: Random) -> Week:
    """Return a week in which ALPHA knows the results, BRAVO tosses coins and CHARLIE inverts."""
    pitches = long_all()
    ordered = sorted(pitches, key=lambda pitch: moves[pitch.instrument])
    reviews = []
    for place, pitch in enumerate(ordered):
        known = {"ALPHA": 2 + place, "BRAVO": source.randint(1, 10), "CHARLIE": 9 - place}
        reviews += [reviewed(n, pitch, s) for n, s in known.items() if n != pitch.account]
    return moved_week(moves, number, pitches=tuple(pitches), reviews=tuple(reviews))


def planted(count: int) -> list[ReviewerScore]:
    source = Random(5)  # noqa: S311 - a seeded draw
    moves = drawn_moves(count, seed=21)
    return list(reviewer_scores([seen_week(n, row, source) for n, row in enumerate(moves)]))


def test_foresight_has_a_rank_ic_of_one_and_a_coin_none_that_can_be_told() -> None:
    _, seer, coin, fool = planted(52)

    assert (seer.reviewer, coin.reviewer, fool.reviewer) == ("ALPHA", "BRAVO", "CHARLIE")
    assert isinstance(seer.rank_ic, Estimate)
    assert seer.rank_ic.low == pytest.approx(1.0)
    assert isinstance(coin.rank_ic, Estimate)
    assert coin.rank_ic.low < 0 < coin.rank_ic.high
    assert abs(coin.rank_ic.mean) < 0.15
    assert isinstance(fool.rank_ic, Estimate)
    assert fool.rank_ic.high == pytest.approx(-1.0)


def test_a_few_weeks_give_their_figures_and_no_verdict() -> None:
    _, seer, *_ = planted(3)

    assert list(seer.weekly_ic.values()) == pytest.approx([1.0] * 3)
    assert isinstance(seer.rank_ic, NotEnoughWeeks)
    assert (len(seer.rank_ic.weeks), seer.rank_ic.needed) == (3, FEWEST_WEEKS)


def one_week(**fields: object) -> Week:
    moves = dict(zip(INSTRUMENTS, (0.01, -0.02, 0.03, -0.04, 0.0), strict=True))
    return moved_week(moves, 0, pitches=tuple(long_all()), labels=LABELS, **fields)


def test_the_kill_shot_is_the_harshest_review_and_comes_true_by_a_loss() -> None:
    alpha, bravo, charlie, _, unmoved = long_all()
    week = one_week(
        reviews=(
            reviewed("DELTA", alpha, 2),
            reviewed("ECHO", alpha, 5),
            reviewed("DELTA", bravo, 3),
            reviewed("ECHO", bravo, 6),
            reviewed("ECHO", charlie, 1),
            reviewed("DELTA", unmoved, 1),
        )
    )

    pooled, delta, echo = reviewer_scores([week])

    assert delta.kill_shots == Proportion(1, 3)
    assert echo.kill_shots == Proportion(0, 1)
    assert pooled.kill_shots == Proportion(1, 4)


def test_two_reviews_alike_are_nobodys_kill_shot() -> None:
    alpha = long_all()[0]

    week = one_week(reviews=(reviewed("DELTA", alpha, 4), reviewed("ECHO", alpha, 4)))

    assert harshest(week) == ()


def test_a_flat_pitch_cannot_lose() -> None:
    flat = pitched("ALPHA", "TLT", 0)
    week = moved_week({"TLT": 0.5}, 0, pitches=(flat,), reviews=(reviewed("ECHO", flat, 2),))

    assert {score.kill_shots for score in reviewer_scores([week])} == {Proportion(0, 0)}


def test_equal_scores_rank_nothing() -> None:
    week = one_week(reviews=tuple(reviewed("ECHO", pitch, 5) for pitch in long_all()[:4]))

    assert reviewer_scores([week])[1].weekly_ic == {}


def test_a_dissent_was_right_where_its_pitch_beat_the_councils_trade() -> None:
    views = tuple(Dissent(label=label, view="No.") for label in ("P3", "P2", "P3", "P5"))
    week = one_week(decision=decided("SPY", 1, dissent_summary=views))

    assert dissent_scores([week]) == (
        DissentScore(None, Proportion(1, 3)),
        DissentScore("BRAVO", Proportion(0, 1)),
        DissentScore("CHARLIE", Proportion(1, 1)),
        DissentScore("ECHO", Proportion(0, 1)),
    )


def test_without_a_decision_nobody_dissents() -> None:
    assert dissent_scores([one_week()]) == (DissentScore(None, Proportion(0, 0)),)
