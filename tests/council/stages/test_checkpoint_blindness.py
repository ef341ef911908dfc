"""A checkpoint's author sees its own thesis, its frozen rules, its position and its peers alone."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from council.checkpoints import run_checkpoint
from council.model.base import Direction
from council.model.checkpoint import Action, CheckpointAnswer
from council.model.review import BallotAnswer
from council.pipeline import run_week
from council.ports import Deps, Question
from council.trading.approvals import approve
from council.trading.executor import run_until_settled
from tests.builders import CHAIRMAN, MANAGERS, UNIVERSE, WEEK_ID, make_decision_answer
from tests.council.stages.test_checkpoint import ANNA, MINUTE, NOON, SLOT, move_price
from tests.council.test_injections import pack_with
from tests.fakes import FakeMarketData, FakeModels, make_bar, make_deps, usual_answer

QUERY: Final = "Canary of the owner's wish."
PACK_A, PACK_B = "Canary of pack A.", "Canary of pack B."
REVIEW: Final = "Canary of a review."
RATIONALE: Final = "Canary of the chairman."
ELSEWHERE: Final = Decimal("7531.25")
"""A price that no instrument has but those that nobody trades this week."""

TRADED: Final = frozenset({"SPY", "QQQ", "IWM", "GLD", "USO"})
CANARIES: Final = (QUERY, PACK_A, PACK_B, REVIEW, RATIONALE, str(ELSEWHERE))


def thesis_of(account: str) -> str:
    return f"Canary of thesis {account[0]}."  # whole names are hidden from reviewers


def answer(question: Question[Any]) -> Any:
    """Answer as usual, with a canary in all that is written."""
    if question.stage == "checkpoint":
        return CheckpointAnswer(
            action=Action.STAY, conviction_after=Decimal(1), reason_delta="Nothing changed."
        )
    usual: Any = usual_answer(question)
    if question.stage == "pitch":
        return usual.model_copy(update={"thesis_bullets": (thesis_of(question.asked_by),)})
    if isinstance(usual, BallotAnswer):
        told = [r.model_copy(update={"best_argument_against": REVIEW}) for r in usual.reviews]
        return BallotAnswer(reviews=tuple(told))
    return make_decision_answer(rationale=RATIONALE, direction=Direction.LONG)


async def open_week_with_canaries(models: FakeModels) -> Deps:
    deps = make_deps(models=models, research={"A": (pack_with(PACK_A),), "B": (pack_with(PACK_B),)})
    assert isinstance(deps.market_data, FakeMarketData)
    sessions = deps.calendar.between(date(2025, 1, 1), date(2026, 11, 17))
    deps.market_data.bars = {
        symbol: tuple(make_bar(symbol, session, ELSEWHERE) for session in sessions)
        for symbol in set(UNIVERSE) - TRADED
    }
    context = await run_week(WEEK_ID, deps, query=QUERY)
    for proposal in context.proposals:
        await approve(proposal.trade_id, deps, decider=ANNA)
    await run_until_settled(deps, timeout=MINUTE)
    await deps.clock.sleep(NOON - deps.clock.now())
    return deps


def prompt_of(question: Question[Any]) -> str:
    return f"{question.system}\n{question.shared}\n{question.own}"


async def test_no_research_no_wish_and_no_other_instrument_reaches_a_checkpoint() -> None:
    models = FakeModels(answer)
    deps = await open_week_with_canaries(models)
    for symbol in TRADED:
        move_price(deps, "80", symbol)

    await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    asked = [question for question in models.asked if question.stage == "checkpoint"]
    assert {question.asked_by for question in asked} == {*MANAGERS, CHAIRMAN}
    for question in asked:
        own = {thesis_of(question.asked_by), RATIONALE if question.asked_by == CHAIRMAN else ""}
        canaries = {*CANARIES, *map(thesis_of, MANAGERS)} - own
        assert [canary for canary in canaries if canary in prompt_of(question)] == []


async def test_all_that_is_kept_from_checkpoints_was_read_before_them() -> None:
    models = FakeModels(answer)
    await open_week_with_canaries(models)

    read = "\n".join(prompt_of(q) for q in models.asked if q.stage != "checkpoint")

    canaries = {*CANARIES, *map(thesis_of, MANAGERS)} - {RATIONALE, QUERY}
    assert [canary for canary in canaries if canary not in read] == []
