import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.model.review import Review
from council.voting import Standing, scoreboard
from tests.builders import MANAGERS, WEEK_ID, make_pitch, make_review, make_scores

LABELS = {f"P{n}": make_pitch(account) for n, account in enumerate(MANAGERS, start=1)}
MARKS = st.lists(st.integers(1, 10), min_size=20, max_size=20)


def reviews_of(marks: dict[str, dict[str, int]]) -> list[Review]:
    """Return a review for every reviewer, author and score in `marks`."""
    return [
        make_review(reviewer, author, scores=make_scores(score))
        for reviewer, given_scores in marks.items()
        for author, score in given_scores.items()
    ]


def board(marks: dict[str, dict[str, int]]) -> tuple[Standing, ...]:
    return scoreboard(reviews_of(marks), LABELS, week_id=WEEK_ID)


def by_label(marks: dict[str, dict[str, int]]) -> dict[str, Standing]:
    return {standing.label: standing for standing in board(marks)}


def test_first_on_every_ballot_is_one_and_last_is_zero() -> None:
    found = by_label(
        {
            "CHARLIE": {"ALPHA": 9, "BRAVO": 2, "DELTA": 5},
            "ECHO": {"ALPHA": 8, "BRAVO": 3, "DELTA": 5},
        }
    )

    assert (found["P1"].borda, found["P4"].borda, found["P2"].borda) == (1.0, 0.5, 0.0)
    assert (found["P1"].mean_rank, found["P2"].mean_rank) == (1.0, 3.0)
    assert found["P1"].mean_score == 8.5


def test_a_generous_reviewer_counts_no_more_than_a_strict_one() -> None:
    found = board(
        {
            "CHARLIE": {"ALPHA": 10, "BRAVO": 1},
            "DELTA": {"ALPHA": 4, "BRAVO": 5},
            "ECHO": {"ALPHA": 4, "BRAVO": 5},
        }
    )

    assert found[0].label == "P2"
    assert found[0].mean_score is not None
    assert found[1].mean_score is not None
    assert found[0].mean_score < found[1].mean_score


def test_equals_share_their_place() -> None:
    found = by_label({"ECHO": {"ALPHA": 7, "BRAVO": 7, "CHARLIE": 3}})

    assert found["P1"].mean_rank == found["P2"].mean_rank == 1.5
    assert found["P1"].borda == found["P2"].borda == 0.75


def test_ties_go_to_the_one_on_which_reviewers_agree() -> None:
    found = board(
        {
            "CHARLIE": {"ALPHA": 9, "BRAVO": 7},
            "DELTA": {"ALPHA": 5, "BRAVO": 7},
        }
    )

    assert [standing.label for standing in found[:2]] == ["P2", "P1"]


def test_a_pitch_that_nobody_reviewed_stands_last_without_figures() -> None:
    found = board({"ECHO": {"ALPHA": 1}})

    assert found[0].label == "P1"
    assert found[0].borda == 0.5
    assert {standing.borda for standing in found[1:]} == {None}
    assert {standing.reviews for standing in found[1:]} == {0}


@given(marks=MARKS, seed=st.randoms())
def test_the_order_of_the_reviews_does_not_matter(marks: list[int], seed: object) -> None:
    scores = iter(marks)
    reviews = reviews_of(
        {
            reviewer: {author: next(scores) for author in MANAGERS if author != reviewer}
            for reviewer in MANAGERS
        }
    )

    found = scoreboard(reviews, LABELS, week_id=WEEK_ID)

    assert found == scoreboard(reviews[::-1], LABELS, week_id=WEEK_ID)
    assert sorted(standing.label for standing in found) == sorted(LABELS)
    assert sum(s.borda or 0 for s in found) == pytest.approx(len(LABELS) / 2, abs=0.01)
