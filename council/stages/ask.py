"""The three stages of a question to the general council: answers, rankings, the final answer.

Each returns facts, and none where its own are stored already.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from council.ask_facts import (
    AnswerAbstained,
    AnswersRanked,
    AskFact,
    QuestionAnswered,
    QuestionAsked,
    QuestionSettled,
    QuestionUnsettled,
    RankingAbstained,
)
from council.asking import AskContext, answer_labels, answers_for
from council.errors import ModelsUnreachable
from council.llm.ask_questions import answer_question, final_question, ranking_question
from council.llm.turns import hash_of
from council.model.market import MarketSnapshot
from council.parallel import all_at_once
from council.ports import Abstained, Answered, AnswerType, Deps, Progress, Question
from council.stages.counting import Count

_FEWEST_TO_RANK = 2
_AWAY = frozenset({"unreachable", "timed_out", "over_budget"})


@dataclass(frozen=True, slots=True)
class Sitting:
    """One question before the council, with all that a stage needs."""

    context: AskContext
    snapshot: MarketSnapshot | None
    deps: Deps

    @property
    def asked(self) -> QuestionAsked:
        """Return what was asked."""
        return self.context.opening

    @property
    def members(self) -> list[str]:
        """Return who answers and ranks."""
        return [manager.nickname for manager in self.deps.config.managers]

    @property
    def ids(self) -> dict[str, str]:
        """Return what every fact about the question has."""
        return {"week_id": self.asked.week_id, "ask_id": self.asked.ask_id}


async def answers(sitting: Sitting) -> tuple[AskFact, ...]:
    """Ask every member at once; one fact each, the answers under their labels.

    Raises:
        ModelsUnreachable: nobody could be reached; nothing is stored.
    """
    context, deps = sitting.context, sitting.deps
    if context.answers or context.answer_abstentions:
        return ()
    count = Count("ask_answer", len(sitting.members), deps.tell)
    questions = {
        name: answer_question(name, sitting.asked, deps.config, sitting.snapshot)
        for name in sitting.members
    }
    replies = await _replies(questions, deps, count)
    _check_reach(replies.values())
    answered = [name for name, reply in replies.items() if isinstance(reply, Answered)]
    labels = answer_labels(context.ask_id, answered)
    return tuple(
        AnswerAbstained(**sitting.ids, **_gap(name, reply, questions[name]))
        if isinstance(reply, Abstained)
        else QuestionAnswered(
            **sitting.ids,
            **_given(name, reply, questions[name]),
            label=labels[name],
            answer=reply.answer,
        )
        for name, reply in replies.items()
    )


async def rankings(sitting: Sitting) -> tuple[AskFact, ...]:
    """Let every member rank the others' answers; nobody is asked to rank fewer than two."""
    context, deps = sitting.context, sitting.deps
    if context.rankings or context.ranking_abstentions:
        return ()
    questions = {
        name: ranking_question(
            name, context, deps.config, asked=sitting.asked, snapshot=sitting.snapshot
        )
        for name in sitting.members
        if len(answers_for(name, context, sitting.members)) >= _FEWEST_TO_RANK
    }
    replies = await _replies(questions, deps, Count("ask_ranking", len(questions), deps.tell))
    _check_reach(replies.values())
    return tuple(
        RankingAbstained(**sitting.ids, **_gap(name, reply, questions[name]))
        if isinstance(reply, Abstained)
        else AnswersRanked(
            **sitting.ids, **_given(name, reply, questions[name]), ranking=reply.answer.ranking
        )
        for name, reply in replies.items()
    )


async def final(sitting: Sitting) -> tuple[AskFact, ...]:
    """Let the chairman write the council's answer; one that gives none is not replaced by a rule.

    Raises:
        ModelsUnreachable: the chairman could not be reached; nothing is stored.
    """
    context, deps = sitting.context, sitting.deps
    chairman = deps.config.chairman.nickname
    if not context.answers:
        return (_unsettled(sitting, "no member gave a valid answer"),)
    question = final_question(context, deps.config, asked=sitting.asked, snapshot=sitting.snapshot)
    reply = await deps.models.ask(question)
    if isinstance(reply, Abstained):
        _check_reach([reply])
        reason = f"the chairman gave no valid answer: {reply.reason}"
        return (_unsettled(sitting, reason, prompt_hash=hash_of(question)),)
    deps.tell(Progress("ask_chairman", f"{chairman} answered", 1, 1))
    return (
        QuestionSettled(**sitting.ids, **_given(chairman, reply, question), final=reply.answer),
    )


async def _replies(
    questions: Mapping[str, Question[AnswerType]], deps: Deps, count: Count
) -> dict[str, Answered[AnswerType] | Abstained]:
    """Ask everybody at once and tell each reply as it comes."""

    async def ask(name: str) -> Answered[AnswerType] | Abstained:
        reply = await deps.models.ask(questions[name])
        said = f"abstained: {reply.reason}" if isinstance(reply, Abstained) else "answered"
        count.another(f"{name} {said}")
        return reply

    replies = await all_at_once([ask(name) for name in questions])
    return dict(zip(questions, replies, strict=True))


def _check_reach(replies: Collection[Answered[Any] | Abstained]) -> None:
    """Leave a stage unstored where nobody could be reached: the question can be asked again."""
    away = [r for r in replies if isinstance(r, Abstained) and r.outcome in _AWAY]
    if away and len(away) == len(replies):
        raise ModelsUnreachable(
            f"No model could be asked ({away[0].reason.rstrip('.')}): mend that and ask again; "
            "what was answered before is kept."
        )


def _given(name: str, reply: Answered[Any], question: Question[Any]) -> dict[str, Any]:
    return {
        "account": name,
        "model": reply.model,
        "prompt_hash": hash_of(question),
        "outcome": reply.outcome,
    }


def _gap(name: str, reply: Abstained, question: Question[Any]) -> dict[str, Any]:
    return {
        "account": name,
        "model": reply.model,
        "prompt_hash": hash_of(question),
        "reason": reply.reason.rstrip("."),
        "outcome": reply.outcome,
    }


def _unsettled(
    sitting: Sitting, reason: str, *, prompt_hash: str | None = None
) -> QuestionUnsettled:
    return QuestionUnsettled(
        **sitting.ids,
        account=sitting.deps.config.chairman.nickname,
        reason=reason.rstrip("."),
        prompt_hash=prompt_hash,
    )
