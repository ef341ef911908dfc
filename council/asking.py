"""One question to the general council as far as it has come: answers, labels, ballots, votes.

Labels come from a seeded shuffle of those who answered; every reader's order is a rotation of it,
so that over all readers each answer stands about equally often at each place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from config.ids import meaning_id
from council.ask_facts import (
    AnswerAbstained,
    AnswersRanked,
    QuestionAnswered,
    QuestionAsked,
    QuestionSettled,
    QuestionUnsettled,
    RankingAbstained,
)
from council.fact import Fact
from council.model.asking import AnswerStanding
from council.untrusted import quoted
from council.voting import DIGITS

_FactType = TypeVar("_FactType", bound=Fact)


@dataclass(frozen=True, slots=True)
class AskContext:
    """All that is stored of a question; `version` is that of its stream, 0 where it is unknown."""

    ask_id: str
    version: int = 0
    asked: QuestionAsked | None = None
    answers: tuple[QuestionAnswered, ...] = ()
    answer_abstentions: tuple[AnswerAbstained, ...] = ()
    rankings: tuple[AnswersRanked, ...] = ()
    ranking_abstentions: tuple[RankingAbstained, ...] = ()
    settled: QuestionSettled | None = None
    unsettled: QuestionUnsettled | None = None

    @property
    def opening(self) -> QuestionAsked:
        """Return what was asked; only who has stored it may call this."""
        if self.asked is None:
            raise ValueError(f"question {self.ask_id} was never asked")
        return self.asked

    @property
    def is_closed(self) -> bool:
        """Return whether nothing is left to do."""
        return self.settled is not None or self.unsettled is not None

    @property
    def prompt_hashes(self) -> frozenset[str]:
        """Return the hashes of the prompts that models answered for this question."""
        given = (*self.answers, *self.answer_abstentions, *self.rankings)
        hashes = {fact.prompt_hash for fact in (*given, *self.ranking_abstentions)}
        ends = (self.settled, self.unsettled)
        return frozenset(hashes | {end.prompt_hash for end in ends if end and end.prompt_hash})

    @property
    def degraded(self) -> tuple[str, ...]:
        """Return how the council fell short of a full one, one sentence each."""
        return (
            *(self.asked.degraded if self.asked else ()),
            *(
                f"{gap.account} gave no answer: {quoted(gap.reason)}."
                for gap in self.answer_abstentions
            ),
            *(
                f"{gap.account} gave no ranking: {quoted(gap.reason)}."
                for gap in self.ranking_abstentions
            ),
            *((f"No final answer: {quoted(self.unsettled.reason)}.",) if self.unsettled else ()),
        )


def ask_context(ask_id: str, facts: Sequence[Fact]) -> AskContext:
    """Return the question that `facts` of its stream tell of."""
    return AskContext(
        ask_id,
        version=len(facts),
        asked=_first(facts, QuestionAsked),
        answers=_all(facts, QuestionAnswered),
        answer_abstentions=_all(facts, AnswerAbstained),
        rankings=_all(facts, AnswersRanked),
        ranking_abstentions=_all(facts, RankingAbstained),
        settled=_first(facts, QuestionSettled),
        unsettled=_first(facts, QuestionUnsettled),
    )


def answer_labels(ask_id: str, accounts: Iterable[str]) -> dict[str, str]:
    """Return the label of each account that answered, A1 to An, in no order that tells anything."""
    shuffled = sorted(accounts, key=lambda account: meaning_id("label", ask_id, account).bytes)
    return {account: f"A{number}" for number, account in enumerate(shuffled, start=1)}


def answers_for(
    reader: str, context: AskContext, readers: Sequence[str]
) -> tuple[QuestionAnswered, ...]:
    """Return every answer but the reader's own, in the order of this reader, one of `readers`."""
    by_label = sorted(context.answers, key=lambda given: int(given.label[1:]))
    if not by_label:
        return ()
    cut = readers.index(reader) % len(by_label)
    return tuple(given for given in (*by_label[cut:], *by_label[:cut]) if given.account != reader)


def standings(context: AskContext) -> tuple[AnswerStanding, ...]:
    """Return where every answer stands, best first: by normalised Borda points, then by lot.

    A member's own answer is not on its ballot, so points are divided by the ballot's length.
    """
    found = [_standing(given.label, context.rankings) for given in context.answers]
    return tuple(sorted(found, key=lambda standing: _order(standing, context.ask_id)))


def _standing(label: str, rankings: Sequence[AnswersRanked]) -> AnswerStanding:
    ballots = [[place.label for place in given.ranking] for given in rankings]
    places = [(ballot.index(label), len(ballot)) for ballot in ballots if label in ballot]
    if not places:
        return AnswerStanding(label=label, rankings=0, borda=None, mean_rank=None)
    points = fmean(1 - place / (length - 1) for place, length in places)
    return AnswerStanding(
        label=label,
        rankings=len(places),
        borda=round(points, DIGITS),
        mean_rank=round(fmean(place + 1 for place, _ in places), DIGITS),
    )


def _order(standing: AnswerStanding, ask_id: str) -> tuple[float, bytes]:
    points = -1.0 if standing.borda is None else standing.borda
    return (-points, meaning_id("tie", ask_id, standing.label).bytes)


def _all(facts: Sequence[Fact], kind: type[_FactType]) -> tuple[_FactType, ...]:
    return tuple(fact for fact in facts if isinstance(fact, kind))


def _first(facts: Sequence[Fact], kind: type[_FactType]) -> _FactType | None:
    return next((fact for fact in facts if isinstance(fact, kind)), None)
