"""Puts a report together: the sections in the order in which a person asks for them."""

from datetime import datetime

from council.week_results import Results
from mcp_server.reporting import words
from mcp_server.reporting.accounts import to_date_section, week_section
from mcp_server.reporting.answers import (
    answer,
    date_books,
    date_returns,
    figures,
    week_books,
    week_returns,
)
from mcp_server.reporting.deliberation import deliberation_section
from mcp_server.reporting.document import Listing, Paragraph, Report, Section
from mcp_server.reporting.exposure import exposure_section, gaps_section
from mcp_server.reporting.judgement import calibration_section, reviewers_section
from mcp_server.reporting.material import LeaderboardMaterial, PostmortemMaterial, Standing
from mcp_server.reporting.reading import evidence_section, lessons_section, reading_section
from mcp_server.reporting.stages import books_section, stages_section


def postmortem_report(material: PostmortemMaterial) -> Report:
    """Return the postmortem of a week: the numbers first, then what a model reads in them."""
    results, numbers = material.results, material.numbers
    accounts, books = week_returns(material), week_books(material)
    read = (reading_section(material), lessons_section(material))
    sections = (
        week_section(material),
        deliberation_section(material.week),
        to_date_section(results),
        stages_section(results),
        books_section(results, numbers),
        calibration_section(results),
        reviewers_section(results),
        exposure_section(results),
        gaps_section(results, material.week_id),
        *read,
        _notices((*numbers.notices, *results.notices)),
        evidence_section(material, read),
    )
    return Report(
        title=f"Postmortem, week of {words.week_title(material.week_id)}",
        badges=_badges(material.standing),
        shortfalls=_shortfalls(material.standing),
        answer=answer(results, accounts, books),
        figures=figures(results, accounts, books),
        sections=tuple(section for section in sections if section is not None),
        foot=(
            f"The week's numbers are from marks until {words.new_york(numbers.until_at)} and stay "
            f"as they are; those to date reach to {words.new_york(results.until_at)}.",
            _paper(),
        ),
    )


def leaderboard_report(material: LeaderboardMaterial) -> Report:
    """Return who leads over all weeks, and what each part of the council adds."""
    results = material.results
    accounts, books = date_returns(results), date_books(results)
    sections = (
        to_date_section(results),
        stages_section(results),
        books_section(results),
        calibration_section(results),
        reviewers_section(results),
        exposure_section(results),
        gaps_section(results),
        _notices(results.notices),
    )
    return Report(
        title="Leaderboard",
        badges=_badges(material.standing),
        shortfalls=_shortfalls(material.standing),
        answer=answer(results, accounts, books),
        figures=figures(results, accounts, books),
        sections=tuple(section for section in sections if section is not None),
        foot=(_span(results, results.until_at), _paper()),
    )


def _badges(standing: Standing) -> tuple[str, ...]:
    return ("PAPER", standing.venue, f"{standing.mode} models")


def _shortfalls(standing: Standing) -> tuple[str, ...]:
    return tuple(words.one_line(sentence) for sentence in standing.degraded)


def _notices(notices: tuple[str, ...]) -> Section:
    said = tuple(dict.fromkeys(words.one_line(notice) for notice in notices))
    blocks = (Listing(said),) if said else (Paragraph("Nothing is missing in these numbers."),)
    return Section("notices", "What is missing", blocks)


def _span(results: Results, until_at: datetime) -> str:
    if not results.weeks:
        return "No week has been marked yet."
    first = words.week_title(results.weeks[0].week_id)
    return f"Weeks from {first}, marks until {words.new_york(until_at)}."


def _paper() -> str:
    return "Paper money. No advice, and no promise of what comes next."
