"""Results in words, said alike in a terminal and to a model; pure."""

from collections.abc import Sequence
from typing import Final

from mcp_server.reporting import words
from mcp_server.result_shapes import (
    DissentShape,
    ExposureShape,
    LeaderShape,
    LevelShape,
    ReviewerShape,
    StageShape,
)

UNCERTAIN: Final = "uncertain"


def book_words(book: str, account: str | None) -> str:
    """Return what a shadow book is called."""
    named = words.BOOK_WORDS.get(book, book)
    return f"{account}: {named}" if account else named


def level_words(level: LevelShape) -> str:
    """Return how often pitches of one strength were right, and how often they claim to be."""
    against = ", not borne out" if level.agrees is False else ""
    return (
        f"{level.strength:g}: {level.hits} of {level.cases} (claims {level.claimed:.0%}{against})"
    )


def stage_words(value: StageShape) -> str:
    """Return whether a stage adds or costs, or why that cannot be told.

    By the dollars; uncertain is what has zero within its interval.
    """
    if value.mean_usd is None:
        return f"not enough weeks: {value.telling_weeks} of {value.needed_weeks}"
    if not value.certain:
        return UNCERTAIN
    return "adds" if value.mean_usd > 0 else "costs"


def sharpe_words(own: LeaderShape) -> str:
    """Return a Sharpe ratio with its standard error; a dash where too few days are marked."""
    if own.sharpe is None or own.sharpe_error is None:
        return words.NONE
    ratio = words.plain_number(own.sharpe, plus=True)
    return f"{ratio} ± {words.plain_number(own.sharpe_error)}"


def panic_words(count: int | None, cost_usd: float | None) -> str:
    """Return how many exits nothing called for, and what they cost or saved."""
    if count is None:
        return words.NONE
    if not count or cost_usd is None:
        return f"{count}"
    return f"{count}, {'saved' if cost_usd < 0 else 'cost'} {words.usd(abs(cost_usd), plus=False)}"


def gap_words(dividends_usd: float, borrow_usd: float) -> str:
    """Return what paper is estimated to leave out."""
    borrow = words.usd(borrow_usd, plus=False)
    return f"dividends {words.usd(dividends_usd)}, borrow {borrow}"


def leader_gap_words(own: LeaderShape) -> str:
    """Return the same of an account to date; a dash for a book, which no venue keeps."""
    if own.dividends_usd is None or own.borrow_usd is None:
        return words.NONE
    return gap_words(own.dividends_usd, own.borrow_usd)


def rank_ic_words(own: ReviewerShape) -> str:
    """Return the rank correlation with its interval, or how many weeks it lacks."""
    if own.rank_ic is None or own.low is None or own.high is None:
        return f"not enough weeks: {own.weeks} of {own.needed_weeks}"
    middle, low, high = (
        words.plain_number(one, plus=True) for one in (own.rank_ic, own.low, own.high)
    )
    return f"{middle} [{low}, {high}]"


def dissent_words(scores: Sequence[DissentShape]) -> str:
    """Return how often what the chairman overruled was better than what it chose."""
    pooled = next((score for score in scores if score.account is None), None)
    if pooled is None or not pooled.cases:
        return "No overruled pitch can be judged yet."
    return f"{pooled.right} of {pooled.cases} overruled pitches beat the council's trade."


def exposure_words(found: ExposureShape | None) -> str:
    """Return what all accounts come to together, in a sentence or two."""
    if found is None:
        return "Nothing was held that could be looked through."
    gross, net = words.share(found.gross), words.percent(found.net, places=0)
    beta = words.plain_number(found.beta, plus=True)
    return (
        f"All accounts together: gross {gross}, net {net} of their equity; beta to SPY {beta}; "
        f"{words.duration(found.duration_years, found.dv01_usd)}."
    )
