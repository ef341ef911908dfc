"""What the slots of each job consist of, on a wired council: the calls that commands make, too."""

from collections.abc import Awaitable, Callable
from datetime import date

from council import pipeline
from council.checkpoints import run_checkpoint
from council.codec import to_fact
from council.errors import UnknownWeek
from council.jobs.running import SlotResult, Worked, run_job
from council.jobs.timetable import Slot
from council.result_facts import PostmortemWritten, PricesMarked
from council.slot_facts import JobName
from council.slots import passed_over
from mcp_server.jobs.upkeep import keep_up
from mcp_server.wiring import App


async def carry_out_job(app: App, job: JobName) -> tuple[SlotResult, ...]:
    """Do what is due of `job` now, exactly once; see `council.jobs.running.run_job`."""
    return await run_job(job, CouncilWork(app), app.deps)


class CouncilWork:
    """The `Work` of a wired council."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def do(self, slot: Slot) -> Worked:
        """Do the work of a slot, going on from what is stored of it."""
        works: dict[JobName, Callable[[Slot], Awaitable[Worked]]] = {
            "weekly": self._weekly,
            "checkpoint": self._checkpoint,
            "postmortem": self._postmortem,
            "daily": self._daily,
        }
        return await works[slot.job](slot)

    async def found_done(self, slot: Slot) -> Worked | None:
        """Return what a slot's work came to that somebody did by hand, or did not live to record.

        Of upkeep nothing can be known.
        """
        deps = self._app.deps
        if slot.job == "checkpoint":
            was_marked = await self._is_marked(slot)
            return Worked("It was looked at by hand, or before a crash.") if was_marked else None
        if slot.job == "daily":
            return None
        context = await pipeline.load_stages(slot.week_id, deps)
        finished = {
            "weekly": context.completed.issuperset(pipeline.STAGES),
            "postmortem": context.postmortem is not None,
        }
        is_done = finished[slot.job]
        return Worked("It was done by hand, or before a crash.") if is_done else None

    async def _weekly(self, slot: Slot) -> Worked:
        context = await pipeline.run_week(slot.week_id, self._app.deps)
        count = len(context.proposals)
        waits = "1 trade was proposed" if count == 1 else f"{count} trades were proposed"
        return Worked(f"The week {slot.week_id} was run: {waits}.")

    async def _checkpoint(self, slot: Slot) -> Worked:
        deps, at = self._app.deps, _time_of(slot)
        if why_not := passed_over(at, deps):
            return Worked(f"Nothing was looked at: {why_not}.")
        try:
            facts = await run_checkpoint(slot.week_id, deps, slot=at)
        except UnknownWeek:
            return Worked(f"Nothing was looked at: the week {slot.week_id} was never run.")
        if not facts:
            return Worked("Prices and accounts were marked; no open trade was new to look at.")
        return Worked(f"Open trades were looked at, which left {len(facts)} facts.")

    async def _postmortem(self, slot: Slot) -> Worked:
        # It brings the measures, which no other job needs.
        from council.postmortems import run_postmortem  # noqa: PLC0415

        try:
            fact = await run_postmortem(slot.week_id, self._app.deps)
        except UnknownWeek:
            return Worked(f"Nothing was written: the week {slot.week_id} was never run.")
        if isinstance(fact, PostmortemWritten):
            return Worked(f"The postmortem of the week {slot.week_id} was written.")
        return Worked(f"The numbers of the week {slot.week_id} were computed, without a text.")

    async def _daily(self, _: Slot) -> Worked:
        return await keep_up(self._app)

    async def _is_marked(self, slot: Slot) -> bool:
        stream = await self._app.deps.store.read_stream(f"marks-{slot.week_id}")
        marks = [fact for fact in map(to_fact, stream) if isinstance(fact, PricesMarked)]
        wanted = (_day_of(slot), _time_of(slot))
        return any((mark.session_on, mark.slot) == wanted for mark in marks)


def _day_of(slot: Slot) -> date:
    return date.fromisoformat(slot.name.split()[0])


def _time_of(slot: Slot) -> str:
    return slot.name.split()[1]
