import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mcp_server.reporting.markdown import as_markdown, escaped, postmortem_markdown
from mcp_server.reporting.material import PostmortemMaterial
from mcp_server.reporting.reports import leaderboard_report
from mcp_server.reporting.words import NONE
from tests.mcp_server.reporting.market import SIX
from tests.mcp_server.reporting.scenes import (
    LONE,
    abstained,
    hostile,
    make_leaderboard_material,
    make_postmortem_material,
    unmarked,
)

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ACTIVE = "\\`*_[](){}<>|~#+-=.!&$:;/@^x1 ab"


def _tokens(text: str) -> list[Token]:
    tokens = READER.parse(text)
    return [inner for token in tokens for inner in (token, *(token.children or ()))]


def _places(text: str, *wanted: str) -> list[int]:
    return [text.index(one) for one in wanted]


def test_what_falls_short_comes_first_and_then_the_answer_before_any_number() -> None:
    text = postmortem_markdown(make_postmortem_material())

    order = _places(text, "Rehearsal models answer", " led with ", "## The week", "## To date")
    assert order == sorted(order)


def test_the_weeks_numbers_are_those_stored_and_not_those_of_today() -> None:
    material = make_postmortem_material(1)
    lines = [
        line.model_copy(update={"profit_usd": Decimal("-1234567.8")})
        for line in material.numbers.accounts
    ]
    stored = material.numbers.model_copy(update={"accounts": tuple(lines)})

    text = postmortem_markdown(replace(material, numbers=stored))

    assert text.count("\N{MINUS SIGN}$1,234,568") == len(SIX)


def test_every_account_and_benchmark_stands_in_the_weeks_table() -> None:
    text = postmortem_markdown(make_postmortem_material(1))
    week = text[text.index("## The week") : text.index("## How")]

    named = ("SPY", "60/40", "FLAT", "Managers' mean")
    assert all(f"| {name} |" in week.replace("*", "") for name in (*SIX, *named))


def test_one_week_is_too_few_to_say_what_a_stage_is_worth() -> None:
    text = postmortem_markdown(make_postmortem_material(1))

    stages = text[text.index("## Is it worth it") : text.index("## Shadow books")]
    assert stages.count("not enough weeks: 1 of 8") >= 2
    assert "not enough weeks to tell what review and the chairman are worth (1 and 1 of 8)" in text


def test_the_leaderboard_tells_what_is_held_and_what_paper_left_out_to_date() -> None:
    text = as_markdown(leaderboard_report(make_leaderboard_material()))

    gaps = text[text.index("## What paper leaves out") : text.index("## What is missing")]
    assert "## All accounts together" in text
    assert "| Account | Dividends to date | Fees to date |" in gaps


def test_means_of_many_weeks_stand_beside_their_intervals_and_counts() -> None:
    text = postmortem_markdown(make_postmortem_material())

    stages = text[text.index("## Is it worth it") : text.index("## Shadow books")]
    assert re.search(r"\| Review \| \S+ \(\S+ to \S+\) \| \S+ \(\S+ to \S+\) \| 30 \| \d+", stages)
    assert re.search(r"\d+ of \d+ \(\d+%\)", text)
    assert re.search(r"[+\N{MINUS SIGN}]\d\.\d\d ± \d\.\d\d \| 150 \|", text)


def test_a_claim_names_events_that_the_report_lists() -> None:
    text = postmortem_markdown(make_postmortem_material())
    listed = text[text.index("## Evidence") :]

    named = set(re.findall(r"`([0-9a-f]{8,32})`", text[: text.index("## Evidence")]))
    assert named
    assert all(f"- `{one}` " in listed for one in named)


def test_lessons_stand_with_their_age_and_support_and_the_dropped_are_counted() -> None:
    text = postmortem_markdown(make_postmortem_material())

    assert "confirmed this week, since the week of " in text
    assert "4 weeks old, supported by 3 weeks" in text
    assert "2 statements were dropped" in text


def test_without_a_text_the_reason_stands_where_it_would_have_stood() -> None:
    text = postmortem_markdown(abstained())

    assert "There is no text: no valid answer came after 3 attempts" in text


def test_a_week_without_marks_says_what_is_missing_and_shows_no_zero_for_it() -> None:
    text = postmortem_markdown(unmarked())

    row = next(line for line in text.splitlines() if line.startswith("| CHATGPT |"))
    assert "No account was marked often enough" in text
    assert "CHATGPT was not marked: its venue was away" in text
    assert row.startswith("| CHATGPT |" + f" {NONE} |" * 6)


@pytest.mark.parametrize(
    "build", [hostile, lambda: make_postmortem_material(1, LONE)], ids=["hostile", "one manager"]
)
def test_texts_of_models_neither_format_nor_link_nor_run(
    build: Callable[[], PostmortemMaterial],
) -> None:
    text = postmortem_markdown(build())

    found = {token.type for token in _tokens(text)}
    assert not found & {"html_block", "html_inline", "link_open", "image", "s_open"}
    assert "\u202e" not in text


@given(st.text(ACTIVE, min_size=1, max_size=40))
def test_escaped_text_is_shown_letter_by_letter(words: str) -> None:
    line = " ".join(words.split())

    tokens = _tokens(escaped(line))

    shown = "".join(token.content for token in tokens if token.type == "text")
    assert {token.type for token in tokens} <= {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
    }
    assert shown == line


@pytest.mark.parametrize(
    ("words", "inert"),
    [
        ("a | b", "a \\| b"),
        ("https://evil.example", "https\\://evil.example"),
        ("www.evil.example", "www\\.evil.example"),
        ("me@evil.example", "me\\@evil.example"),
        ("$x$", "\\$x\\$"),
    ],
)
def test_what_only_some_readers_make_active_is_escaped_too(words: str, inert: str) -> None:
    assert escaped(words) == inert


def test_a_number_is_not_made_unreadable_by_escapes() -> None:
    for words in ("0.00%", "+$1,204 (\N{MINUS SIGN}$12 to +$30)", "14 of 27 (52%)", "a_b of [3]"):
        assert escaped(words) == words


def test_the_leaderboard_ranks_by_return_and_keeps_benchmarks_apart() -> None:
    text = as_markdown(leaderboard_report(make_leaderboard_material()))
    table = text[text.index("**Gain and risk**") : text.index("**Conduct**")]

    returns = [line.split("|")[3].strip() for line in table.splitlines() if line.startswith("| ")]
    own = [float(one.rstrip("%").replace("\N{MINUS SIGN}", "-")) for one in returns[2:8]]
    assert own == sorted(own, reverse=True)
    assert "| *SPY* |" in table
