"""Asks every portfolio manager for its pitch, all at once; the silent abstain, the rest go on."""

from collections.abc import Mapping

from config.ids import meaning_id
from council.context import WeekContext
from council.events import PitchAbstained, PitchMade
from council.fact import Fact
from council.llm.questions import pitch_question
from council.model.pitch import FrozenIndicator, IndicatorRule, Pitch, PitchAnswer
from council.parallel import all_at_once
from council.ports import Abstained, Answered, Deps
from council.stages.counting import Count
from council.stages.silence import check_reach
from council.stages.watching import watch


async def pitch(context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Return one fact for each manager: its pitch, or that it abstained and why.

    After them come drifts and long silences, held against the weeks before.

    Raises:
        ModelsUnreachable: nobody answered; nothing is pitched.
    """
    names = [manager.nickname for manager in deps.config.managers]
    count = Count("pitch", len(names), deps.tell)
    facts = await all_at_once([_ask(name, context, deps, count=count) for name in names])
    check_reach(facts)
    return (*facts, *await watch(context, facts, deps))


async def _ask(
    account: str, context: WeekContext, deps: Deps, *, count: Count
) -> PitchMade | PitchAbstained:
    reply = await deps.models.ask(pitch_question(account, context, deps.config))
    if isinstance(reply, Abstained):
        count.another(f"{account} abstained: {reply.reason}")
        return PitchAbstained(
            week_id=context.week_id,
            account=account,
            model=reply.model,
            reason=reply.reason,
            outcome=reply.outcome,
        )
    made = _pitch(account, reply, context, deps)
    count.another(f"{account}: {made.direction} {made.instrument} at {made.conviction:+}")
    return PitchMade(week_id=context.week_id, account=account, pitch=made, outcome=reply.outcome)


def _pitch(account: str, reply: Answered[PitchAnswer], context: WeekContext, deps: Deps) -> Pitch:
    answer, numbers = reply.answer, context.frozen_snapshot.numbers()
    rule = answer.invalidation_rule
    frozen = {
        "indicators": tuple(_frozen(rule, numbers) for rule in answer.indicators),
        "invalidation_rule": None if rule is None else _frozen(rule, numbers),
    }
    return Pitch(
        **{**dict(answer), **frozen},
        idea_id=meaning_id("pitch", context.week_id, account),
        week_id=context.week_id,
        account=account,
        model=reply.model,
        made_at=deps.clock.now(),
    )


def _frozen(rule: IndicatorRule, numbers: Mapping[str, float]) -> FrozenIndicator:
    """Join `rule` with the market table's value; the question refused names that it lacks."""
    return FrozenIndicator(**dict(rule), current=numbers[rule.name])
