"""The mark that an executor takes as it first looks in a session, before it sends anything.

It tells what an account held and was worth before its trades. It never holds up or fails an
execution: all accounts are marked together for a moment at most, and whoever is missing then is
tried again in its own turn.
"""

import asyncio
from datetime import date, timedelta
from typing import Final

import structlog

from config.errors import CouncilError
from council.marking import is_marked, keep_problem, mark
from council.ports import Deps
from council.slots import OPEN, passed_over, session_date, week_of

LONGEST_MARK: Final = timedelta(seconds=5)
"""For so long the turns of all accounts wait for the mark of one whose venue hangs."""


async def mark_opening(deps: Deps, account: str | None = None) -> None:
    """Mark this session's opening where it is not marked: of `account`, or of all (None) at once.

    All are tried once a session. Nothing is marked before the week has begun, and nothing raised.
    """
    if passed_over(OPEN, deps) is not None:
        return
    session_on = session_date(OPEN, deps)
    names = tuple(deps.desks) if account is None else (account,)
    if is_marked(session_on, OPEN, names, deps):
        return
    log = structlog.get_logger("executor")
    try:
        await _mark(session_on, account, deps)
        return
    except TimeoutError:
        reason = "the open was not marked in time"
    except CouncilError as error:
        reason = f"the open was not marked: {error}"
    except Exception as error:
        log.exception("executor.mark_failed", account=account)
        reason = f"the open was not marked, the log says where: {type(error).__name__}"
    keep_problem((session_on, OPEN, ""), reason, deps)


async def _mark(session_on: date, account: str | None, deps: Deps) -> None:
    week_id, was_tried = week_of(session_on), deps.remembered.opening_tried_on == session_on
    if account is not None and was_tried:
        await mark(week_id, deps, slot=OPEN, accounts=(account,))
    elif account is None and not was_tried and await _has_begun(week_id, deps):
        deps.remembered.opening_tried_on = session_on
        async with asyncio.timeout(LONGEST_MARK.total_seconds()):
            await mark(week_id, deps, slot=OPEN)


async def _has_begun(week_id: str, deps: Deps) -> bool:
    rows = await deps.store.rows("week_metadata", where={"week_id": week_id})
    return any(row["started_at"] is not None for row in rows)
