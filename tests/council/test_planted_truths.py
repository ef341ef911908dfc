"""Truths planted in a stored record come out of it: who foresaw, who guessed, who threw away."""

from functools import cache
from random import Random

from council.analytics.resampling import Estimate, NotEnoughWeeks
from council.analytics.reviewers import ReviewerScore
from council.analytics.stage_value import Stage, StageValue
from council.week_results import Results, read_results
from tests.builders import CHAIRMAN, MANAGERS, UNIVERSE, make_scores
from tests.council.week_results_scenes import Record, run

SEER, COIN = MANAGERS[0], MANAGERS[1]
WEEKS = 26
_DEVIATION = 0.03


def played(weeks: int, *, seed: int = 11) -> Record:
    """Tell weeks in which everybody pitches another instrument, LONG.

    The seer's scores follow what will come of the pitches, the coin's nothing; the chairman takes
    what will be the worst of them.
    """
    source = Random(seed)  # noqa: S311 - a seeded draw
    record, prices = Record(), dict.fromkeys(UNIVERSE, 100.0)
    for number in range(weeks):
        moves = {symbol: source.gauss(0.0, _DEVIATION) for symbol in UNIVERSE}
        _tell_week(record, number, moves, source=source)
        record.mark(number, 0, "open", prices)
        prices = {symbol: round(price * (1 + moves[symbol]), 2) for symbol, price in prices.items()}
    record.mark(weeks - 1, 6, "close", prices)
    return record


def _tell_week(record: Record, number: int, moves: dict[str, float], *, source: Random) -> None:
    """Begin a week whose prices will make these `moves`."""
    instruments = dict(zip(MANAGERS, source.sample(UNIVERSE, len(MANAGERS)), strict=True))
    best_first = sorted(MANAGERS, key=lambda author: -moves[instruments[author]])
    views = {author: (instruments[author], 1.0) for author in best_first}
    record.begin(number, views=views, decides=(instruments[best_first[-1]], 1.0))
    for reviewer in (SEER, COIN):
        others = [author for author in best_first if author != reviewer]
        scores = list(range(9, 9 - 2 * len(others), -2))
        if reviewer == COIN:
            source.shuffle(scores)
        for author, score in zip(others, scores, strict=True):
            record.review(number, reviewer, author, scores=make_scores(score))


@cache
def results(weeks: int) -> Results:
    async def read() -> Results:
        return await read_results(await played(weeks).deps())

    return run(read())


def reviewer(name: str, weeks: int) -> ReviewerScore:
    return next(score for score in results(weeks).reviewers if score.reviewer == name)


def stage(kind: Stage, weeks: int) -> StageValue:
    return next(value for value in results(weeks).stages if value.stage is kind)


def test_a_reviewer_with_foresight_has_a_rank_correlation_of_nearly_one() -> None:
    found = reviewer(SEER, WEEKS).rank_ic

    assert isinstance(found, Estimate)
    assert found.mean > 0.97
    assert found.low > 0.9
    assert found.count == WEEKS


def test_a_coin_foretells_nothing() -> None:
    found = reviewer(COIN, WEEKS).rank_ic

    assert isinstance(found, Estimate)
    assert abs(found.mean) < 0.3
    assert found.low < 0 < found.high
    assert not found.is_certain


def test_a_chairman_that_throws_value_away_costs_money_for_certain() -> None:
    found = stage(Stage.CHAIRMAN, WEEKS)

    assert isinstance(found.mean_usd, Estimate)
    assert isinstance(found.mean_bps, Estimate)
    assert found.mean_usd.high < 0
    assert found.mean_bps.mean < -100
    assert found.cases == WEEKS


def test_reviews_by_a_seer_are_worth_something_beside_the_mean_of_the_managers() -> None:
    found = stage(Stage.REVIEW, WEEKS)

    assert isinstance(found.mean_usd, Estimate)
    assert found.mean_usd.low > 0


def test_two_weeks_are_not_enough_to_say_anything() -> None:
    found = (
        reviewer(SEER, 2).rank_ic,
        stage(Stage.CHAIRMAN, 2).mean_usd,
        stage(Stage.REVIEW, 2).mean_bps,
    )

    for value in found:
        assert isinstance(value, NotEnoughWeeks)
        assert (len(value.weeks), value.missing) == (2, 6)


def test_the_chairmans_account_stands_in_the_record_all_the_same() -> None:
    assert results(2).accounts[-1] == CHAIRMAN
