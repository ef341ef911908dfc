from uuid import UUID

import pytest

from council.analytics.biases import review_biases, shown_length
from council.anonymise import anonymous_pitch
from council.model.review import Review
from tests.builders import MANAGERS, make_config, make_pitch, make_review, make_scores


def reviewed(reviewer: str, author: str, place: int, score: int) -> Review:
    return make_review(reviewer, author, display_index=place, scores=make_scores(score))


def lengths(*characters: int) -> dict[UUID, int]:
    ids = [make_pitch(author).idea_id for author in MANAGERS]
    return dict(zip(ids, characters, strict=True))


SAME = lengths(100, 100, 100, 100, 100)


def test_a_reviewer_that_favours_the_first_places_is_flagged() -> None:
    reviews = [reviewed("ECHO", MANAGERS[place], place, 9 - place) for place in range(4)]

    pooled, (echo,) = review_biases(reviews, SAME)

    assert (echo.reviewer, echo.reviews, echo.position) == ("ECHO", 4, -1.0)
    assert echo.length is None
    assert echo.flagged == pooled.flagged == ("position",)


def test_one_that_favours_long_pitches_is_flagged() -> None:
    reviews = [
        reviewed("ECHO", author, place, score)
        for author, place, score in zip(MANAGERS, (2, 0, 3, 1), (3, 5, 7, 9), strict=False)
    ]

    pooled, _ = review_biases(reviews, lengths(200, 400, 600, 800, 0))

    assert pooled.length == pytest.approx(1.0)
    assert "length" in pooled.flagged


def test_a_lenient_reviewer_is_not_a_biased_one() -> None:
    lenient = [reviewed("DELTA", a, p, 9) for p, a in enumerate(("ALPHA", "BRAVO"), start=2)]
    strict = [reviewed("ECHO", a, p, 2) for p, a in enumerate(("ALPHA", "BRAVO"))]

    pooled, _ = review_biases([*lenient, *strict], SAME)

    assert (pooled.reviews, pooled.position, pooled.flagged) == (4, None, ())


def test_two_reviews_tell_nothing() -> None:
    reviews = [reviewed("ECHO", "ALPHA", 0, 9), reviewed("ECHO", "BRAVO", 1, 2)]

    pooled, _ = review_biases(reviews, SAME)

    assert (pooled.position, pooled.length, pooled.flagged) == (None, None, ())


def test_the_length_is_that_of_what_a_reviewer_reads() -> None:
    signed = "As an AI language model, up."
    pitch = make_pitch(thesis_bullets=(signed,), invalidation="No.", monitoring_plan="Look.")
    shown = anonymous_pitch("P1", pitch, make_config())

    assert shown_length(shown) == len("".join((*shown.thesis_bullets, "No.", "Look.")))
