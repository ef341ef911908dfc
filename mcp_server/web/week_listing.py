"""The list of weeks: one page of it, a line a week, read by the weeks of that page alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from config.market_calendar import xnys
from config.weeks import council_week
from council.steps import STAGES
from council.untrusted import clean_text
from mcp_server.readings import TRADE_STATUSES
from mcp_server.web.week_costs import KnownCalls, cost_words
from mcp_server.wiring import App
from store.events import Page

WEEKS: Final = 20
"""On one page."""

Row = Mapping[str, Any]
Postmortem = str
"""What there is of one: "written", "numbers only" or "none yet"."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the chairman chose; or why nothing, and without a `reason` it has not chosen yet."""

    instrument: str | None = None
    direction: str | None = None
    conviction: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WeekLine:
    """One week in the list; `trades` holds (status, how many), by what becomes of a trade."""

    week_id: str
    state: str
    mode: str
    choice: Choice
    trades: tuple[tuple[str, int], ...]
    cost: str
    postmortem: Postmortem


@dataclass(frozen=True, slots=True)
class WeekPage:
    """Weeks, newest first; `older` and `newer` are the week ids from which to go on, if any."""

    lines: tuple[WeekLine, ...]
    older: str | None
    newer: str | None


async def read_weeks(
    app: App, calls: KnownCalls, *, before: str | None = None, after: str | None = None
) -> WeekPage:
    """Return the newest weeks; or those right `before`, or right `after`, a week's id."""
    rows, older, newer = await _rows(app, before, after)
    if not rows:
        return WeekPage((), older, newer)
    among = {"week_id": tuple(row["week_id"] for row in rows)}
    store = app.deps.store
    decisions = _by_week(await store.rows("chairman_decisions", where=among))
    postmortems = _by_week(await store.rows("weekly_postmortems", where=among))
    counts = await store.count_rows_by("trades", ("week_id", "status"), where=among)
    trades = {row["week_id"]: _trades(row["week_id"], counts) for row in rows}
    lines = [
        WeekLine(
            week_id=row["week_id"],
            state=state_words(app, row["week_id"], done=_done(row)),
            mode=row["mode"] or "unknown",
            choice=_choice(decisions.get(row["week_id"])),
            trades=trades[row["week_id"]],
            cost=cost_words((await calls.of(row["week_id"], store)).spending),
            postmortem=_postmortem(postmortems.get(row["week_id"])),
        )
        for row in rows
    ]
    return WeekPage(tuple(lines), older, newer)


def state_words(app: App, week_id: str, *, done: int) -> str:
    """Return how a week stands of which so many stages are done: in force, over, unfinished."""
    window, now = council_week(week_id, xnys(), app.deps.config.schedule), app.deps.clock.now()
    if done >= len(STAGES):
        return "over" if now >= window.ends_at else "in force"
    stands = "unfinished for good" if now > window.last_entry_at else "unfinished"
    return f"{stands}: {done} of {len(STAGES)} stages"


async def _rows(
    app: App, before: str | None, after: str | None
) -> tuple[list[Row], str | None, str | None]:
    """Return the rows of one page, newest first, and from where older and newer ones follow."""
    backwards = after is None
    edge = before if backwards else after
    page = Page(WEEKS + 1, descending=backwards, after=None if edge is None else (edge,))
    found = await app.deps.store.rows("week_metadata", order_by=("week_id",), page=page)
    rows: list[Row] = list(found[:WEEKS]) if backwards else list(reversed(found[:WEEKS]))
    has_more, came_from = len(found) > WEEKS, edge is not None
    if not rows:
        return rows, None, None
    has_older, has_newer = (has_more, came_from) if backwards else (came_from, has_more)
    first, last = rows[0]["week_id"], rows[-1]["week_id"]
    return rows, last if has_older else None, first if has_newer else None


def _by_week(rows: Iterable[Row]) -> dict[str, Row]:
    return {row["week_id"]: row for row in rows}


def _done(row: Row) -> int:
    """Return how many stages are done; they are done one after the other."""
    last = row["last_stage"]
    return STAGES.index(last) + 1 if last in STAGES else 0


def _choice(row: Row | None) -> Choice:
    if row is None:
        return Choice()
    if row["instrument"] is None:
        return Choice(reason=clean_text(row["refusal"] or "no reason is known"))
    return Choice(
        instrument=row["instrument"],
        direction=row["direction"],
        conviction=float(row["conviction"]),
    )


def _trades(week_id: str, counts: Mapping[tuple[Any, ...], int]) -> tuple[tuple[str, int], ...]:
    """Return how many of a week's trades have which status, in the order of a trade's life."""
    found = ((status, counts.get((week_id, status), 0)) for status in TRADE_STATUSES)
    return tuple((status, count) for status, count in found if count)


def _postmortem(row: Row | None) -> Postmortem:
    if row is None:
        return "none yet"
    return "written" if row["content"] is not None else "numbers only"
