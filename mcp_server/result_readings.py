"""What is read of results for people and programs: postmortems as stored, and the leaderboard.

Nothing here writes, asks a model or a venue; a postmortem that is missing is said to be missing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from config.clock import NEW_YORK
from config.errors import UsageError
from config.market_calendar import xnys
from config.weeks import CouncilWeek, council_week
from council import week_results
from council.lessons import LessonInForce, lessons_in_force
from council.model.postmortem import Postmortem, WeekNumbers
from council.week_lines import WeekLine, read_week_events, week_lines
from council.week_results import Results
from mcp_server.readings import read_week
from mcp_server.reporting.material import LeaderboardMaterial, PostmortemMaterial, Standing
from mcp_server.result_shapes import LeaderboardShape, PostmortemShape, PostmortemState
from mcp_server.result_views import empty_postmortem, leaderboard_shape, postmortem_shape
from mcp_server.shapes import WeekShape
from mcp_server.wiring import App

_TABLE = "weekly_postmortems"
_WEEK = timedelta(weeks=1)


async def read_postmortem(app: App, week_id: str) -> PostmortemShape:
    """Return the postmortem of a week as it is stored, or why there is none yet."""
    material = await postmortem_material(app, week_id)
    ends_at = window_of(app, week_id).ends_at
    if material is not None:
        return postmortem_shape(material, ends_at=ends_at)
    week = await read_week(app, week_id)
    state = _state_without_one(app, week)
    return empty_postmortem(week, state=state, ends_at=ends_at)


async def postmortem_material(app: App, week_id: str) -> PostmortemMaterial | None:
    """Return what the reports of a week's postmortem are made of, None where none is stored."""
    rows = await app.deps.store.rows(_TABLE, where={"week_id": week_id})
    if not rows:
        return None
    row = rows[0]
    week = await read_week(app, week_id)
    numbers, text = WeekNumbers.model_validate(row["numbers"]), _text_of(row)
    return PostmortemMaterial(
        standing=Standing(mode=week.mode, venue=week.venue, degraded=week.degraded),
        results=await _results(app, week_id, numbers),
        week_id=week_id,
        numbers=numbers,
        postmortem=text,
        abstention=row["abstention"],
        lessons=await _lessons_after(app, week_id),
        evidence=await _evidence(app, text),
    )


async def read_leaderboard(app: App) -> LeaderboardShape:
    """Return who is ahead by everything that was marked until now."""
    return leaderboard_shape(await leaderboard_material(app))


async def leaderboard_material(app: App) -> LeaderboardMaterial:
    """Return what the reports of the leaderboard are made of."""
    own = app.standing
    standing = Standing(mode=own.mode, venue=own.venue, degraded=own.degraded)
    return LeaderboardMaterial(standing, await week_results.read_results(app.deps, in_thread=True))


async def week_to_read(app: App, in_force: str) -> str:
    """Return the newest week with a postmortem, else the newest that is over, else `in_force`."""
    written = await _written(app)
    over = await _over(app)
    return max(written, default=max(over, default=in_force))


async def week_to_write(app: App) -> str:
    """Return the newest week that is over and has no postmortem, else the newest that has one.

    Numbers without a text are no postmortem here: a model may answer the next time.

    Raises:
        UsageError: no week is over.
    """
    written, over = await _written(app, with_text=True), await _over(app)
    chosen = max(over - written, default=max(written, default=None))
    if chosen is None:
        raise UsageError("No week is over yet: a postmortem is written after the week's end.")
    return chosen


def window_of(app: App, week_id: str) -> CouncilWeek:
    """Return when a week begins and ends."""
    return council_week(week_id, xnys(), app.deps.config.schedule)


def _state_without_one(app: App, week: WeekShape) -> PostmortemState:
    if week.state == "not_started":
        return "not_started"
    is_over = app.deps.clock.now() >= window_of(app, week.week_id).ends_at
    return "missing" if is_over else "running"


async def _written(app: App, *, with_text: bool = False) -> set[str]:
    rows = await app.deps.store.rows(_TABLE)
    return {row["week_id"] for row in rows if row["content"] is not None or not with_text}


async def _over(app: App) -> set[str]:
    now = app.deps.clock.now()
    begun = [row["week_id"] for row in await app.deps.store.rows("week_metadata")]
    return {week_id for week_id in begun if window_of(app, week_id).ends_at <= now}


async def _results(app: App, week_id: str, numbers: WeekNumbers) -> Results:
    """Return the measures as they stood when the numbers were computed."""
    until_at = numbers.until_at
    return await week_results.read_results(
        app.deps, until_at=until_at, last_week=week_id, in_thread=True
    )


async def _evidence(app: App, text: Postmortem | None) -> dict[UUID, str]:
    """Return in words what the events are that the text may name."""
    if text is None:
        return {}
    events = await read_week_events(app.deps.store, text.week_id, until_at=text.written_at)
    return {line.event_id: _line_words(line) for line in week_lines(events)}


def _line_words(line: WeekLine) -> str:
    who = f"{line.account}: " if line.account else ""
    about = f" {line.about}" if line.about else ""
    at, kind, text = line.at.astimezone(NEW_YORK), line.said.kind.replace("_", " "), line.said.text
    # "worth 99,298 USD" says by itself what it is.
    named = text if text.startswith(kind) else f"{kind}{about}: {text}"
    return f"{at:%a %d %b %H:%M} {who}{named}"


async def _lessons_after(app: App, week_id: str) -> tuple[LessonInForce, ...]:
    """Return the lessons that the next week is shown, this week's own among them.

    Their ages are those of this week: what it wrote itself is 0 weeks old.
    """
    following = (date.fromisoformat(week_id) + _WEEK).isoformat()
    rows = await app.deps.store.rows(_TABLE)
    texts = [text for row in rows if (text := _text_of(row)) is not None]
    lessons = lessons_in_force(texts, following)
    return tuple(replace(lesson, age_weeks=lesson.age_weeks - 1) for lesson in lessons)


def _text_of(row: Mapping[str, Any]) -> Postmortem | None:
    return None if row["content"] is None else Postmortem.model_validate(row["content"])
