"""Whether a classifier can tell who wrote what reviewers read: it must do hardly more than guess.

The classifier is the usual one for authorship: counts of three characters, nearest centroid.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt

import pytest

from config.loader import load_config
from council.anonymise import anonymous_pitch, telling_names, without_names
from tests.builders import MANAGERS, make_pitch
from tests.council.style_corpus import WRITERS, written_by

CONFIG = load_config()
NAMES = telling_names(CONFIG)
LEARNT, TRIED = 60, 40
CHANCE = 1 / len(WRITERS)
LITTLE_MORE_THAN_CHANCE = CHANCE + 0.1
"""Two hundred texts are tried: one standard error of guessing is 0.03."""

Vector = Mapping[str, float]


def counted(texts: Sequence[str]) -> Vector:
    grams = Counter(text[i : i + 3] for text in texts for i in range(len(text) - 2))
    length = sqrt(sum(count * count for count in grams.values()))
    return {gram: count / length for gram, count in grams.items()}


def likeness(one: Vector, other: Vector) -> float:
    return sum(weight * other.get(gram, 0.0) for gram, weight in one.items())


def share_recognised(learnt: Mapping[str, list[str]], tried: Mapping[str, list[str]]) -> float:
    """Return the share of `tried` whose author is the one with the most alike centroid."""
    centroids = {author: counted(texts) for author, texts in learnt.items()}
    hits = [
        max(centroids, key=lambda author: likeness(counted([text]), centroids[author])) == writer
        for writer, texts in tried.items()
        for text in texts
    ]
    return sum(hits) / len(hits)


def corpus(count: int, seed: int) -> dict[str, list[str]]:
    return {account: written_by(account, count, seed) for account in WRITERS}


def scrubbed(texts: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {a: [without_names(text, names=NAMES) for text in own] for a, own in texts.items()}


def test_the_author_of_a_raw_pitch_is_easily_told() -> None:
    assert share_recognised(corpus(LEARNT, 1), corpus(TRIED, 2)) > 0.9


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_author_of_what_reviewers_see_is_told_hardly_better_than_by_guessing(seed: int) -> None:
    learnt, tried = scrubbed(corpus(LEARNT, seed)), scrubbed(corpus(TRIED, seed + 100))

    assert share_recognised(learnt, tried) < LITTLE_MORE_THAN_CHANCE


@pytest.mark.parametrize("account", MANAGERS)
def test_the_arguments_themselves_are_left(account: str) -> None:
    (text,) = written_by(account, 1, 5)
    pitch = make_pitch(account, thesis_bullets=(text[:280],))

    shown = " ".join(anonymous_pitch("P1", pitch, CONFIG).thesis_bullets)

    assert any(word in shown for word in ("Breadth", "lags", "Flows", "stretched", "calm", "price"))
