"""Models and research providers that answer one after the other, in the order they are asked.

Then the same answers leave the same facts in the same order. Whoever could not be asked ends the
simulation: weeks in which nobody answers would say nothing of anybody.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from config.errors import UnreachableError
from council.model.base import Value
from council.model.research import PackName
from council.ports import (
    Abstained,
    Answered,
    Deps,
    Models,
    Question,
    ResearchProvider,
    ResearchResult,
    ResearchTask,
)

_AWAY: Final = {
    "unreachable": "Once it answers",
    "over_budget": "With more budget in models.yaml",
}
"""What is not the model's own failure, and what it takes to go on."""

_AnswerType = TypeVar("_AnswerType", bound=Value)
_ReplyType = TypeVar("_ReplyType")


class ModelsAway(UnreachableError):
    """A model could not be asked, and the simulation was stopped; it can be gone on with."""


@dataclass(frozen=True, slots=True)
class OneAtATime:
    """Models that wait until those with the same `turn` have answered."""

    models: Models
    turn: asyncio.Lock

    async def ask(self, question: Question[_AnswerType]) -> Answered[_AnswerType] | Abstained:
        """Wait for the turn, then ask.

        Raises:
            ModelsAway: the model could not be asked.
        """
        async with self.turn:
            return _there(await self.models.ask(question), question.week_id)

    def model_for(self, asked_by: str) -> str:
        """Return the id of the model that would be asked first."""
        return self.models.model_for(asked_by)


@dataclass(frozen=True, slots=True)
class InTurn:
    """A provider that waits until those with the same `turn` have written.

    It holds its models by itself, so it has to take turns by itself, too.
    """

    provider: ResearchProvider
    turn: asyncio.Lock

    @property
    def name(self) -> str:
        """Return the provider's name as the pack will show it."""
        return self.provider.name

    async def research(self, task: ResearchTask) -> ResearchResult | Abstained:
        """Wait for the turn, then write the pack.

        Raises:
            ModelsAway: its model could not be asked.
        """
        async with self.turn:
            return _there(await self.provider.research(task), task.week_id)


def in_turns(deps: Deps) -> Deps:
    """Return `deps` with all models and providers sharing one turn."""
    turn = asyncio.Lock()
    research: dict[PackName, tuple[ResearchProvider, ...]] = {
        pack: tuple(InTurn(provider, turn) for provider in providers)
        for pack, providers in deps.research.items()
    }
    return replace(deps, models=OneAtATime(deps.models, turn), research=research)


def _there(reply: _ReplyType, week_id: str) -> _ReplyType:
    if isinstance(reply, Abstained) and reply.outcome in _AWAY:
        raise ModelsAway(
            f"Stopped in week {week_id}, as {reply.model} gave no answer "
            f"({reply.reason.rstrip('.')}). {_AWAY[reply.outcome]} the same command goes on from "
            "the last whole week."
        )
    return reply
