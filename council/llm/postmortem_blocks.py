"""What a postmortem's question shows: the computed numbers, the events with handles, the lessons.

Pure. Accounts go by their aliases. null is a number that is not known, and a mean over too few
weeks is no number but says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from config.clock import NEW_YORK
from council.aliases import Aliases
from council.analytics.calibration import Calibration
from council.analytics.lens import LookThrough
from council.analytics.proportions import Proportion
from council.analytics.resampling import Estimate, NotEnoughWeeks
from council.analytics.results import AccountResults
from council.analytics.reviewers import ReviewerScore
from council.analytics.shadow_books import Book
from council.lessons import LessonInForce
from council.model.postmortem import AccountNumbers, BookNumbers, WeekNumbers
from council.week_lines import WeekLine
from council.week_results import Results

_FRACTION_DIGITS: Final = 5
_USD_DIGITS: Final = 2
_QUOTE_CHARACTERS: Final = 220
_USD_NAMES = ("profit_usd", "panic_cost_usd", "dividends_usd", "borrow_usd")

Rows = list[dict[str, Any]]


def numbers_value(
    results: Results, numbers: WeekNumbers, *, week_id: str, aliases: Aliases
) -> dict[str, Any]:
    """Return every number that the chairman is shown, as JSON.

    `results` are over the weeks up to `week_id`, `numbers` those of that week alone.
    """
    is_marked = any(week.week_id == week_id for week in results.weeks)
    return {
        "accounts_this_week": _by_alias(_account(own, aliases) for own in numbers.accounts),
        "accounts_to_date": _by_alias(_to_date(own, aliases) for own in results.to_date),
        "shadow_books": [_book(own, results.books, aliases) for own in numbers.books],
        "stages": _stages(results, week_id),
        "calibration": _by_alias(_calibration(own, aliases) for own in results.calibrations),
        "reviewers": _by_alias(_reviewer(own, week_id, aliases) for own in results.reviewers),
        "dissents": _by_alias(
            {"account": _name(own.account, aliases), "right": _of_cases(own.right)}
            for own in results.dissents
        ),
        "exposure": _exposure(results.exposure, aliases) if is_marked else None,
        "notices": [aliases.relabelled(notice) for notice in numbers.notices],
    }


def event_rows(lines: Sequence[WeekLine], aliases: Aliases) -> tuple[Rows, dict[str, UUID]]:
    """Return one JSON object a line, under the handles E1 to En, and the ids behind the handles."""
    rows: Rows = []
    handles: dict[str, UUID] = {}
    for number, line in enumerate(lines, start=1):
        handle = f"E{number}"
        handles[handle] = line.event_id
        rows.append({"handle": handle, **_event(line, aliases)})
    return rows, handles


def lesson_rows(lessons: Sequence[LessonInForce], aliases: Aliases) -> tuple[Rows, dict[str, UUID]]:
    """Return one JSON object a lesson, under the handles L1 to Ln, and the ids behind these."""
    handles = {f"L{number}": own.lesson_id for number, own in enumerate(lessons, start=1)}
    rows = [
        {
            "handle": handle,
            "text": aliases.masked(own.text),
            "age_weeks": own.age_weeks,
            "support": own.support,
        }
        for handle, own in zip(handles, lessons, strict=True)
    ]
    return rows, handles


def _event(line: WeekLine, aliases: Aliases) -> dict[str, Any]:
    row: dict[str, Any] = {
        "when": f"{line.at.astimezone(NEW_YORK):%Y-%m-%d %H:%M}",
        "kind": line.said.kind,
    }
    if line.account is not None:
        row["account"] = aliases.of(line.account)
    if line.about is not None:
        row["about"] = aliases.of(line.about)
    row["text"] = line.said.text
    if line.said.quote:
        row["quote"] = _cut(aliases.masked(line.said.quote))
    return row


def _account(own: AccountNumbers, aliases: Aliases) -> dict[str, Any]:
    return {
        "account": aliases.of(own.account),
        **{
            name: _usd(value) if name in _USD_NAMES else _fraction(value)
            for name, value in own
            if name != "account"
        },
    }


def _to_date(own: AccountResults, aliases: Aliases) -> dict[str, Any]:
    return {
        "account": aliases.of(own.account),
        "weeks": len(own.weeks),
        "profit_usd": _usd(own.profit_usd),
        "time_weighted_return": _fraction(own.time_weighted_return),
        "maximum_drawdown": _fraction(own.maximum_drawdown),
        "sharpe": None
        if own.sharpe is None
        else {"ratio": _fraction(own.sharpe.ratio), "error": _fraction(own.sharpe.standard_error)},
        "hits": _of_cases(own.hits),
        "panic_exits": own.panic_exits,
        "panic_cost_usd": _usd(own.panic_cost_usd),
    }


def _book(own: BookNumbers, books: Sequence[Book], aliases: Aliases) -> dict[str, Any]:
    past = next((b for b in books if (b.kind, b.account) == (own.book, own.account)), None)
    returns = list(past.returns.values()) if past else []
    grown = 1.0
    for gained in returns:
        grown *= 1.0 + gained
    return {
        "book": own.book.replace("60_40", "60/40"),
        **({"account": aliases.of(own.account)} if own.account else {}),
        "return_this_week": _fraction(own.net_return),
        "return_to_date": _fraction(grown - 1.0) if returns else None,
        "weeks": len(returns),
    }


def _stages(results: Results, week_id: str) -> Rows:
    rows: Rows = []
    for value in results.stages:
        now = next((week for week in value.weeks if week.week_id == week_id), None)
        rows.append(
            {
                "stage": value.stage.value,
                "cases_this_week": now.cases if now else 0,
                "value_this_week_usd": _usd(now.value_usd) if now else None,
                "value_this_week_bps": _usd(now.value_bps) if now else None,
                "mean_a_week_usd": _mean(value.mean_usd, _USD_DIGITS),
                "cases_to_date": value.cases,
            }
        )
    return rows


def _calibration(own: Calibration, aliases: Aliases) -> dict[str, Any]:
    return {
        "account": aliases.of(own.account),
        "hits": _of_cases(own.hits),
        "mean_return": _fraction(own.mean_return),
        "brier": _fraction(own.brier),
    }


def _reviewer(own: ReviewerScore, week_id: str, aliases: Aliases) -> dict[str, Any]:
    return {
        "account": _name(own.reviewer, aliases),
        "rank_ic_this_week": _fraction(own.weekly_ic.get(week_id)),
        "rank_ic": _mean(own.rank_ic, _FRACTION_DIGITS),
        "kill_shots_that_came_true": _of_cases(own.kill_shots),
    }


def _exposure(seen: LookThrough | None, aliases: Aliases) -> dict[str, Any] | None:
    if seen is None:
        return None
    return {
        "gross": _fraction(seen.gross),
        "net": _fraction(seen.net),
        "beta": _fraction(seen.beta),
        "duration_years": _fraction(seen.duration_years),
        "same_bet": [
            [aliases.of(pair.first.account), aliases.of(pair.second.account)]
            for pair in seen.shared_bets
        ],
    }


def _by_alias(rows: Iterable[dict[str, Any]]) -> Rows:
    """Return rows in the order of their labels: that of accounts.yaml would tell who is who."""
    return sorted(rows, key=lambda row: str(row["account"]))


def _mean(value: Estimate | NotEnoughWeeks, digits: int) -> Mapping[str, Any] | str:
    if isinstance(value, NotEnoughWeeks):
        return f"not enough weeks: {len(value.weeks)} of {value.needed}"
    interval = [round(value.low, digits), round(value.high, digits)]
    return {"mean": round(value.mean, digits), "interval_95": interval, "weeks": value.count}


def _of_cases(found: Proportion) -> str:
    return f"{found.hits} of {found.count}"


def _name(account: str | None, aliases: Aliases) -> str:
    return "all" if account is None else aliases.of(account)


def _fraction(value: float | Decimal | None) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    return round(float(value), _FRACTION_DIGITS)


def _usd(value: float | Decimal | None) -> float | None:
    return None if value is None else round(float(value), _USD_DIGITS)


def _cut(text: str) -> str:
    return text if len(text) <= _QUOTE_CHARACTERS else f"{text[:_QUOTE_CHARACTERS]}…"
