"""Writes the postmortem of a week once it is over, and stores it the way every stage is stored."""

from datetime import date

from config.clock import NEW_YORK
from config.weeks import CouncilWeek, council_week
from council.codec import to_fact
from council.context import WeekContext
from council.errors import UnknownWeek, WeekBusy, WeekNotOver
from council.jobs.missed import skipped_sentences
from council.marking import mark, mark_problems
from council.pipeline import append_facts, load_stages
from council.ports import Deps, Progress
from council.result_facts import PostmortemAbstained, PostmortemWritten, PricesMarked
from council.slots import CLOSE, passed_over, session_date
from council.stages.postmortem import postmortem

STAGE = "postmortem"


async def run_postmortem(week_id: str, deps: Deps) -> PostmortemWritten | PostmortemAbstained:
    """Return the week's postmortem: the one that is stored, else one that is written now.

    After an abstention it is tried again; where that fails too, the numbers stored with the first
    one stand. The last session's close is marked where that is missing
    and can still be had; where not, the numbers say so.

    Raises:
        UsageError: `week_id` is no Wednesday.
        UnknownWeek: nothing is stored of the week.
        WeekNotOver: the week still runs.
        WeekBusy: another process works on the week.
        Overtaken: another process wrote to the week all the same; nothing was stored.
        UnreachableError: the database does not answer.
    """
    week = council_week(week_id, deps.calendar, deps.config.schedule)
    _check_known(await load_stages(week_id, deps))
    _check_over(week, deps)
    async with deps.locks.exclusive(f"week-{week_id}") as held:
        if not held:
            raise WeekBusy(f"Another process works on week {week_id}: try again in a moment.")
        context = await load_stages(week_id, deps)
        return context.postmortem or await _write(week, context, deps)


async def _write(
    week: CouncilWeek, context: WeekContext, deps: Deps
) -> PostmortemWritten | PostmortemAbstained:
    deps.tell(Progress(STAGE, "begins", 0, 1))
    notices = (
        *await _mark_the_close(week, deps),
        *await skipped_sentences(week.week_id, deps.store),
    )
    fact = await postmortem(context, deps, notices=notices)
    deps.failpoint("postmortem.before_append")
    if isinstance(fact, PostmortemAbstained) and context.postmortem_abstention is not None:
        return fact.model_copy(update={"numbers": context.postmortem_abstention.numbers})
    await append_facts(context, (fact,), deps)
    return fact


async def _mark_the_close(week: CouncilWeek, deps: Deps) -> tuple[str, ...]:
    """Mark the week's last close where it is missing and can be had; return what is amiss."""
    last_on = week.ends_at.astimezone(NEW_YORK).date()
    if session_date(CLOSE, deps) == last_on and passed_over(CLOSE, deps) is None:
        await mark(week.week_id, deps, slot=CLOSE)
        return mark_problems(last_on, CLOSE, deps)
    if await _has_prices(week.week_id, last_on, deps):
        return ()
    return (
        f"The close of {last_on}, the week's last, was not marked and cannot be had any more: "
        "the numbers lack it.",
    )


async def _has_prices(week_id: str, last_on: date, deps: Deps) -> bool:
    facts = [to_fact(event) for event in await deps.store.read_stream(f"marks-{week_id}")]
    marks = [fact for fact in facts if isinstance(fact, PricesMarked)]
    return any((each.session_on, each.slot) == (last_on, CLOSE) for each in marks)


def _check_known(context: WeekContext) -> None:
    if context.started is None:
        raise UnknownWeek(f"Nothing is stored of week {context.week_id}: it was never run.")


def _check_over(week: CouncilWeek, deps: Deps) -> None:
    if deps.clock.now() < week.ends_at:
        ends_at = week.ends_at.astimezone(NEW_YORK)
        raise WeekNotOver(
            f"Week {week.week_id} runs until {ends_at:%A %Y-%m-%d %H:%M} New York time: "
            "ask for its postmortem after that."
        )
