"""The general council: members answer a person's question, rank each other blind, one settles it.

As in a week, every stage's facts are stored in one transaction and never asked for again, so that a
question which was interrupted goes on where it stood. The same question on the same New York day is
the same question: it is paid once.
"""

from collections.abc import Awaitable, Callable, Sequence

from config.clock import NEW_YORK
from config.errors import UsageError
from config.ids import meaning_id
from config.weeks import current_week
from council.ask_facts import AskFact, QuestionAsked
from council.asking import AskContext, ask_context
from council.codec import to_fact
from council.errors import ConfigurationChanged, QuestionBusy, UnknownQuestion
from council.pipeline import load_week
from council.ports import Deps
from council.stages.ask import Sitting, answers, final, rankings
from council.trading.journal import record
from council.untrusted import clean_text
from store.ports import EventStore

_Stage = Callable[[Sitting], Awaitable[tuple[AskFact, ...]]]

STAGES: tuple[_Stage, ...] = (answers, rankings, final)

QUESTION_CHARACTERS = 4_000


async def ask_council(text: str, deps: Deps) -> AskContext:
    """Ask the council, or return what it answered to the same question on the same day.

    Raises:
        UsageError: the question is empty or too long.
        QuestionBusy: another process is at work on it.
        ModelsUnreachable: no member, or not the chairman, could be reached; it can be asked again.
    """
    return await _carried_on(ask_id_for(text, deps), deps, _checked(text))


async def resume_ask(ask_id: str, deps: Deps) -> AskContext:
    """Carry on a question that was asked before; nothing where it is closed.

    Raises:
        UnknownQuestion: nothing is stored under `ask_id`.
        CouncilError: as `ask_council`.
    """
    context = await load_ask(ask_id, deps.store)
    if context.asked is None:
        raise UnknownQuestion(f"No question has the id {ask_id!r}: ask it with `council ask`.")
    return await _carried_on(ask_id, deps, context.asked.question)


def ask_id_for(text: str, deps: Deps) -> str:
    """Return the id of a question: the New York date and a short hash of what is asked of whom.

    Raises:
        UsageError: the question is empty or too long.
    """
    today = _today(deps)
    return f"{today}-{meaning_id('ask', today, deps.mode, _checked(text)).hex[:10]}"


async def load_ask(ask_id: str, store: EventStore) -> AskContext:
    """Return all that is stored of a question; an unknown one comes back empty."""
    events = await store.read_stream(f"ask-{ask_id}")
    return ask_context(ask_id, [to_fact(event) for event in events])


async def _carried_on(ask_id: str, deps: Deps, question: str) -> AskContext:
    context = await load_ask(ask_id, deps.store)
    if context.is_closed:
        return context
    async with deps.locks.exclusive(f"ask-{ask_id}") as held:
        if not held:
            raise QuestionBusy("Another process asks the council this: wait for its result.")
        context = await _opened(ask_id, deps, question)
        for stage in STAGES:
            if not await deps.still_wanted():
                break
            context = await _advanced(stage, context, deps)
    return context


async def _opened(ask_id: str, deps: Deps, question: str) -> AskContext:
    """Return the question, stored as asked where it was not; its market table stays that of then.

    Raises:
        ConfigurationChanged: it was asked of other models than answer now.
    """
    context = await load_ask(ask_id, deps.store)
    if context.asked is None:
        return await _stored((await _asking(ask_id, deps, question),), context, deps)
    if context.asked.mode != deps.mode:
        raise ConfigurationChanged(
            f"This was asked of {context.asked.mode} models and does not mix them: ask it again."
        )
    return context


async def _asking(ask_id: str, deps: Deps, question: str) -> QuestionAsked:
    week = current_week(deps.clock.now(), deps.calendar, deps.config.schedule)
    snapshot = (await load_week(week.week_id, deps.store)).snapshot
    return QuestionAsked(
        week_id=week.week_id,
        ask_id=ask_id,
        question=question,
        asked_on=_today(deps),
        market_week=week.week_id if snapshot else None,
        config_hash=deps.config.content_hash,
        mode=deps.mode,
        degraded=deps.degraded,
    )


async def _advanced(stage: _Stage, context: AskContext, deps: Deps) -> AskContext:
    """Run `stage` unless it was stored before, and return the question as it stands then."""
    shown = context.opening.market_week
    snapshot = (await load_week(shown, deps.store)).snapshot if shown else None
    facts = await stage(Sitting(context, snapshot, deps))
    return await _stored(facts, context, deps) if facts else context


async def _stored(facts: Sequence[AskFact], context: AskContext, deps: Deps) -> AskContext:
    await record(deps, facts, {f"ask-{context.ask_id}": context.version})
    return await load_ask(context.ask_id, deps.store)


def _checked(text: str) -> str:
    """Return the question without what nobody sees around and in it.

    Raises:
        UsageError: nothing is left of it, or it is too long.
    """
    question = clean_text(text).strip()
    if not question:
        raise UsageError("The question is empty: say what the council should answer.")
    if len(question) > QUESTION_CHARACTERS:
        raise UsageError(
            f"The question has {len(question)} characters: shorten it to {QUESTION_CHARACTERS} "
            "or fewer."
        )
    return question


def _today(deps: Deps) -> str:
    return deps.clock.now().astimezone(NEW_YORK).date().isoformat()
