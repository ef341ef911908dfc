"""Computes a finished week's numbers and lets the chairman say what it reads in them.

Numbers first: they are computed from marks, and stored whether or not a valid text comes.
"""

from collections.abc import Sequence

from council.aliases import aliases_of
from council.analytics.reviewers import harshest
from council.context import WeekContext
from council.lessons import read_lessons
from council.llm.postmortem_blocks import numbers_value
from council.llm.postmortem_questions import (
    Material,
    material_of,
    postmortem_question,
    supported,
)
from council.model.postmortem import Postmortem, PostmortemAnswer, WeekNumbers
from council.ports import Abstained, Answered, Deps, Progress
from council.result_facts import PostmortemAbstained, PostmortemWritten
from council.week_lines import read_week_events, shown_lines, week_lines
from council.week_results import Results, read_results, week_numbers


async def postmortem(
    context: WeekContext, deps: Deps, *, notices: Sequence[str] = ()
) -> PostmortemWritten | PostmortemAbstained:
    """Return the week's numbers with the chairman's text, or why there is none.

    `notices` are what is missing of the week's marks, one sentence each, and join the numbers'.
    """
    results = await read_results(deps, last_week=context.week_id)
    numbers = _with_notices(week_numbers(results, context.week_id), notices)
    material = await _material(context, deps, results=results, numbers=numbers)
    account = deps.config.chairman.nickname
    reply = await deps.models.ask(postmortem_question(material, deps.config))
    if isinstance(reply, Abstained):
        deps.tell(Progress("postmortem", f"{account} abstained: {reply.reason}", 1, 1))
        return _abstained(reply, context, numbers, account=account)
    written = _postmortem(reply, material, deps)
    deps.tell(Progress("postmortem", _said(written), 1, 1))
    return PostmortemWritten(
        week_id=context.week_id, account=account, numbers=numbers, postmortem=written
    )


async def _material(
    context: WeekContext, deps: Deps, *, results: Results, numbers: WeekNumbers
) -> Material:
    week_id, aliases = context.week_id, aliases_of(context, deps.config)
    week = next((week for week in results.weeks if week.week_id == week_id), None)
    kill_shots = {review.review_id for review in harshest(week)} if week else set()
    events = await read_week_events(deps.store, week_id, until_at=deps.clock.now())
    return material_of(
        week_id,
        numbers_value(results, numbers, week_id=week_id, aliases=aliases),
        shown_lines(week_lines(events, kill_shots=kill_shots)),
        await read_lessons(deps.store, week_id),
        aliases=aliases,
    )


def _with_notices(numbers: WeekNumbers, notices: Sequence[str]) -> WeekNumbers:
    told = tuple(dict.fromkeys((*numbers.notices, *notices)))
    return numbers.model_copy(update={"notices": told})


def _abstained(
    reply: Abstained, context: WeekContext, numbers: WeekNumbers, *, account: str
) -> PostmortemAbstained:
    return PostmortemAbstained(
        week_id=context.week_id,
        account=account,
        model=reply.model,
        reason=reply.reason,
        numbers=numbers,
    )


def _postmortem(reply: Answered[PostmortemAnswer], material: Material, deps: Deps) -> Postmortem:
    kept = supported(reply.answer, material)
    return Postmortem(
        week_id=material.week_id,
        account=deps.config.chairman.nickname,
        model=reply.model,
        written_at=deps.clock.now(),
        claims=kept.claims,
        lessons=kept.lessons,
        confirmed=kept.confirmed,
        dropped=kept.dropped,
    )


def _said(written: Postmortem) -> str:
    kept = (len(written.claims), "claims"), (len(written.lessons), "lessons")
    told = " and ".join(f"{count} {noun}" for count, noun in kept)
    return f"{written.account} wrote {told}; {written.dropped} that nothing supports were dropped"
