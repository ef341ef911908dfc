"""The spine: runs the stages that a week still lacks and stores what they return.

For each stage: run it, append its facts and StageCompleted in one transaction at the expected
versions, fold what was stored. So a live run and a resume are one path, a finished week is a no-op,
and whoever loses a race goes on from what the winner stored. A stage that is killed leaves nothing
but the recorded calls to models, which are replayed when it runs again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from uuid import UUID

from config import telemetry
from config.errors import UsageError
from config.weeks import council_week, current_week
from council import steps
from council.codec import event_id_of, to_fact
from council.context import WeekContext, fold
from council.errors import (
    ConfigurationChanged,
    Overtaken,
    StageOutOfOrder,
    WeekBusy,
    WeekClosed,
)
from council.events import StageCompleted, WeekStarted
from council.fact import Fact
from council.lessons import offered, read_lessons
from council.llm.questions import QUERY_CHARACTERS
from council.parallel import all_at_once
from council.ports import Deps, Progress
from council.stages.chairman import chairman
from council.stages.peer_review import peer_review
from council.stages.pitch import pitch
from council.stages.propose import propose
from council.stages.research import research
from council.stages.snapshot import snapshot
from council.trade_facts import TradeProposed
from council.trading.journal import record
from store.events import StoredEvent
from store.ports import EventStore

Stage = Callable[[WeekContext, Deps], Awaitable[tuple[Fact, ...]]]

_RUN: dict[str, Stage] = {
    "snapshot": snapshot,
    "research": research,
    "pitch": pitch,
    "peer_review": peer_review,
    "chairman": chairman,
    "propose": propose,
}
STAGES = steps.STAGES
STEPS = steps.STEPS
_COMMANDS = {
    "snapshot": "research",
    "research": "research",
    "pitch": "pm-pitches",
    "peer_review": "peer-review",
    "chairman": "chairman",
    "propose": "chairman",
}
_MOST_RUNS = 3 * len(STAGES)
"""Bound of stage runs in one call: losing a race costs one, and nobody loses for ever."""


async def run_week(
    week_id: str, deps: Deps, *, query: str | None = None, until: str = "propose"
) -> WeekContext:
    """Run the stages that the week lacks, up to and with `until`; nothing where none is lacking.

    It stops before the next stage once the run is no longer wanted, and may be run again.
    `query` is the owner's wish for the research of a week that begins with this call.

    Raises:
        WeekClosed: the week is over, or not the current one yet.
        ConfigurationChanged: it began under another configuration or mode.
        WeekBusy: another process is running it.
        UnreachableError: no venue, no model of a whole stage, or the database does not answer.
        UsageError: `week_id` is no Wednesday, or `query` is too long.
    """
    return await _run(week_id, deps, stages=STAGES[: STAGES.index(until) + 1], query=query)


async def run_step(week_id: str, deps: Deps, *, step: str, query: str | None = None) -> WeekContext:
    """Run one of `STEPS`, or return at once what it stored before.

    Raises:
        StageOutOfOrder: a stage that it builds on has not run.
        CouncilError: as `run_week`.
    """
    stages = STEPS[step]
    context = await _load(week_id, deps)
    before = STAGES[: STAGES.index(stages[0])]
    missing = next((stage for stage in before if stage not in context.completed), None)
    if missing is not None and not context.completed.issuperset(stages):
        raise StageOutOfOrder(
            f"{step} builds on {missing}, which week {week_id} lacks: "
            f"run `council {_COMMANDS[missing]} --week {week_id}` first."
        )
    return await _run(week_id, deps, stages=stages, query=query)


async def load_week(week_id: str, store: EventStore) -> WeekContext:
    """Return all that is stored of a week; an unknown week comes back empty."""
    return await _with_proposals(await _read_on(WeekContext(week_id), store), store)


async def look_at_week(week_id: str, deps: Deps) -> WeekContext:
    """Return all that is stored of a week as `load_week` does, and forget no other for it."""
    known = deps.remembered.week
    if known is None or known.week_id != week_id:
        known = WeekContext(week_id)
    return await _with_proposals(await _read_on(known, deps.store), deps.store)


async def load_stages(week_id: str, deps: Deps) -> WeekContext:
    """Return all that is stored of a week but its trades, reading on from what is remembered."""
    known = deps.remembered.week_of(week_id) or WeekContext(week_id)
    deps.remembered.week = await _read_on(known, deps.store)
    return deps.remembered.week


async def _load(week_id: str, deps: Deps) -> WeekContext:
    return await _with_proposals(await load_stages(week_id, deps), deps.store)


async def _read_on(known: WeekContext, store: EventStore) -> WeekContext:
    events = await store.read_stream(f"week-{known.week_id}", known.version)
    return fold(known, [to_fact(event) for event in events])


async def _with_proposals(context: WeekContext, store: EventStore) -> WeekContext:
    streams = [f"trade-{trade_id}" for _, trade_id in context.trade_ids]
    for events in await all_at_once([store.read_stream(stream) for stream in streams]):
        facts = [to_fact(event) for event in events]
        context = fold(context, [fact for fact in facts if isinstance(fact, TradeProposed)])
    return context


async def store_facts(context: WeekContext, facts: Sequence[Fact], deps: Deps) -> WeekContext:
    """Append `facts` as `append_facts` does; return the week with them, as they were stored.

    Raises:
        Overtaken: another process wrote first; nothing was stored.
    """
    stored = await append_facts(context, facts, deps)
    now = fold(context, map(to_fact, stored))
    deps.remembered.week = replace(now, proposals=())
    return now


async def append_facts(
    context: WeekContext, facts: Sequence[Fact], deps: Deps
) -> tuple[StoredEvent, ...]:
    """Append `facts` in one transaction, the week's own at the context's version.

    Proposed trades must be new ones.

    Raises:
        Overtaken: another process wrote first; nothing was stored.
    """
    versions = {fact.stream: 0 for fact in facts if isinstance(fact, TradeProposed)}
    versions[f"week-{context.week_id}"] = context.version
    try:
        return await record(deps, facts, versions, parent=_cause(context))
    except Overtaken:
        deps.remembered.forget_week()
        raise


async def _run(
    week_id: str, deps: Deps, *, stages: Sequence[str], query: str | None
) -> WeekContext:
    _check_query(query)
    context = await _load(week_id, deps)
    if context.started and query not in {None, context.started.query}:
        deps.tell(
            Progress(stages[0], "keeps the question that the week began with", 0, len(STAGES))
        )
    if context.completed.issuperset(stages):
        return context
    _check_open(context, deps)
    _check_same_configuration(context, deps)
    async with deps.locks.exclusive(f"week-{week_id}") as held:
        if not held:
            raise WeekBusy(f"Another process is running week {week_id}: wait for its result.")
        about = {"correlation_id": f"week-{week_id}", "run": f"run-{week_id}", "mode": deps.mode}
        with telemetry.step("council.run", about):
            return await _run_missing(week_id, deps, stages=stages, query=query)


async def _run_missing(
    week_id: str, deps: Deps, *, stages: Sequence[str], query: str | None
) -> WeekContext:
    context = await _load(week_id, deps)
    for _ in range(_MOST_RUNS):
        stage = next((stage for stage in stages if stage not in context.completed), None)
        if stage is None or not await deps.still_wanted():
            return context
        _check_same_configuration(context, deps)
        with telemetry.step(f"council.stage {stage}", {"stage": stage}):
            context = await _advance(context, deps, stage=stage, query=query)
    raise WeekBusy(f"Other processes keep writing to week {week_id}: try again.")


async def _advance(
    context: WeekContext, deps: Deps, *, stage: str, query: str | None
) -> WeekContext:
    """Run `stage` and store its facts, with the week's beginning where this is its first stage."""
    done = STAGES.index(stage)
    deps.tell(Progress(stage, steps.BEGINS, done, len(STAGES)))
    opening = () if context.started else (await _beginning(context.week_id, deps, query=query),)
    facts = await _RUN[stage](fold(context, opening), deps)
    ending = StageCompleted(week_id=context.week_id, stage=stage)
    deps.failpoint(f"pipeline.after_stage:{stage}.before_append")
    try:
        stored = await store_facts(context, (*opening, *facts, ending), deps)
    except Overtaken:
        return await _load(context.week_id, deps)
    deps.failpoint(f"pipeline.after_stage:{stage}.after_append")
    deps.tell(Progress(stage, steps.IS_STORED, done + 1, len(STAGES)))
    return stored


async def _beginning(week_id: str, deps: Deps, *, query: str | None) -> WeekStarted:
    asked = [account.nickname for account in deps.config.accounts]
    asked += [f"research-{pack}" for pack in deps.research]
    return WeekStarted(
        week_id=week_id,
        config_hash=deps.config.content_hash,
        mode=deps.mode,
        query=query,
        models={name: deps.models.model_for(name) for name in asked},
        degraded=deps.degraded,
        lessons=offered(await read_lessons(deps.store, week_id), deps.config),
    )


def _check_query(query: str | None) -> None:
    """Refuse what the research prompt would have to cut."""
    if query is not None and len(query) > QUERY_CHARACTERS:
        raise UsageError(
            f"The question has {len(query)} characters: shorten it to {QUERY_CHARACTERS} or fewer."
        )


def _check_open(context: WeekContext, deps: Deps) -> None:
    schedule, now = deps.config.schedule, deps.clock.now()
    week = council_week(context.week_id, deps.calendar, schedule)
    current = current_week(now, deps.calendar, schedule)
    if now > week.last_entry_at:
        state = "unfinished and stays so" if context.started else "never begun"
        raise WeekClosed(
            f"Week {week.week_id} took its last entry at {week.last_entry_at:%Y-%m-%d %H:%M} UTC "
            f"and was {state}: run the current week, {current.week_id}."
        )
    if week.week_id > current.week_id:
        raise WeekClosed(
            f"Week {week.week_id} has not come yet: run the current week, {current.week_id}."
        )


def _check_same_configuration(context: WeekContext, deps: Deps) -> None:
    started = context.started
    if started is None:
        return
    if started.mode != deps.mode:
        mend = "unset COUNCIL_MODE and set REQUESTY_API_KEY"
        mend = mend if started.mode == "live" else "set COUNCIL_MODE=rehearsal"
        raise ConfigurationChanged(
            f"Week {context.week_id} began with {started.mode} models and does not mix them: "
            f"{mend} to finish it."
        )
    if started.config_hash != deps.config.content_hash:
        raise ConfigurationChanged(
            f"Week {context.week_id} began under another configuration "
            f"({started.config_hash[:8]}, now {deps.config.content_hash[:8]}): "
            "restore the YAML files to finish it."
        )


def _cause(context: WeekContext) -> UUID | None:
    """Return the event that the next facts follow from: the end of the last stage."""
    last = next((stage for stage in reversed(STAGES) if stage in context.completed), None)
    if last is None:
        return None
    return event_id_of(StageCompleted(week_id=context.week_id, stage=last))
