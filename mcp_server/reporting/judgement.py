"""The sections on who knew: convictions against outcomes, reviewers against results."""

from decimal import Decimal
from typing import Final

from council.analytics.calibration import COIN_BRIER, Calibration, ConvictionLevel
from council.analytics.resampling import NotEnoughWeeks
from council.analytics.reviewers import DissentScore, ReviewerScore
from council.week_results import Results
from mcp_server.reporting import words
from mcp_server.reporting.document import Paragraph, Row, Section, Table

_OFF: Final = "\N{NOT EQUAL TO}"
_ALL: Final = "All together"
_CALIBRATION_NOTE: Final = (
    "How often the price moved the pitch's way by its horizon, of all pitches of that strength; "
    f"the percentage in the head is what the strength claims, and {_OFF} marks where the interval "
    "of 95 % of the hits leaves it out. "
    f"Brier is 0 for a seer and {COIN_BRIER} for a coin."
)
_REVIEWER_NOTE: Final = (
    "Rank IC correlates scores with results week by week: 1 is foresight, 0 a coin. A kill shot is "
    "the pitch that a reviewer marked down hardest of all; it came true where the pitch lost."
)
_DISSENT_NOTE: Final = "Dissent was right where the overruled pitch beat the council's trade."


def calibration_section(results: Results) -> Section:
    """Return each manager's hit rate by strength of conviction."""
    found = results.calibrations
    strengths = [(level.strength, level.anchor) for level in found[0].levels] if found else []
    heads = [f"±{_strength(s)}: {words.share(anchor)}" for s, anchor in strengths]
    rows = tuple(Row(_calibration_cells(one)) for one in found)
    columns = ("Manager", *heads, "All", "Mean return", "Brier")
    blocks = (
        Table("Hits by strength of conviction", columns, rows),
        Paragraph(_CALIBRATION_NOTE, is_quiet=True),
    )
    return Section("calibration", "Calibration", blocks)


def reviewers_section(results: Results) -> Section:
    """Return who foretold results, whose kill shots came true, and whose dissent was right."""
    reviewers = tuple(Row(_reviewer_cells(one)) for one in results.reviewers)
    dissents = tuple(Row(_dissent_cells(one)) for one in results.dissents)
    columns = ("Reviewer", "Rank IC (95 %)", "Weeks", "Kill shots that came true")
    blocks = (
        Table("Reviewers", columns, reviewers),
        Paragraph(_REVIEWER_NOTE, is_quiet=True),
        Table("Dissent", ("Overruled author", "Was right"), dissents),
        Paragraph(_DISSENT_NOTE, is_quiet=True),
    )
    return Section("reviewers", "Reviewers and dissent", blocks)


def _calibration_cells(one: Calibration) -> tuple[str, ...]:
    levels = [_level(level) for level in one.levels]
    brier = words.plain_number(one.brier, places=3)
    mean = words.percent(one.mean_return)
    return (one.account, *levels, words.of(one.hits), mean, brier)


def _level(level: ConvictionLevel) -> str:
    off = f" {_OFF}" if level.agrees is False else ""
    return words.of(level.hits) + off


def _strength(strength: Decimal) -> str:
    return f"{strength:.1f}"


def _reviewer_cells(one: ReviewerScore) -> tuple[str, ...]:
    name = one.reviewer or _ALL
    weeks = str(len(one.weekly_ic))
    found = one.rank_ic
    if isinstance(found, NotEnoughWeeks):
        return name, words.not_enough(found), weeks, words.of(one.kill_shots)
    return name, words.interval(found, unit=""), weeks, words.of(one.kill_shots)


def _dissent_cells(one: DissentScore) -> tuple[str, ...]:
    return one.account or _ALL, words.of(one.right)
