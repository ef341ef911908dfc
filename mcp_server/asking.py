"""What commands and tools do about questions to the general council: ask, carry on, read."""

from collections.abc import Collection

from council import general
from council.asking import AskContext, standings
from council.codec import to_fact
from council.events import ModelCalled
from council.llm.spending import spending_of
from council.model.asking import AnswerStanding
from mcp_server.ask_shapes import AskShape, FinalAnswerShape, MemberAnswerShape, RankingShape
from mcp_server.wiring import App
from store.ports import EventStore

RUN_PREFIX = "ask-"
"""With what the run id of a question begins; the question's id follows."""


async def ask(app: App, question: str) -> AskShape:
    """Ask the council; see `council.general.ask_council`."""
    return await _shape(app, await general.ask_council(question, app.deps))


async def resume(app: App, ask_id: str) -> AskShape:
    """Carry a question on; see `council.general.resume_ask`."""
    return await _shape(app, await general.resume_ask(ask_id, app.deps))


async def read(app: App, ask_id: str) -> AskShape | None:
    """Return what is stored of a question; None where that is nothing."""
    context = await general.load_ask(ask_id, app.deps.store)
    return await _shape(app, context) if context.asked else None


async def _shape(app: App, context: AskContext) -> AskShape:
    asked = context.opening
    return AskShape(
        ask_id=context.ask_id,
        question=asked.question,
        asked_on=asked.asked_on,
        week_id=asked.week_id,
        market_week=asked.market_week,
        mode=asked.mode,
        venue=app.standing.venue,
        degraded=context.degraded,
        state="finished" if context.is_closed else "unfinished",
        answer=_final(context),
        answers=tuple(_answer(context, standing) for standing in standings(context)),
        rankings=tuple(
            RankingShape(
                account=given.account,
                model=given.model,
                labels=tuple(place.label for place in given.ranking),
            )
            for given in context.rankings
        ),
        cost_usd=await _cost_usd(app.deps.store, asked.week_id, context.prompt_hashes),
    )


def _final(context: AskContext) -> FinalAnswerShape | None:
    settled = context.settled
    if settled is None:
        return None
    authors = {given.label: given.account for given in context.answers}
    return FinalAnswerShape(
        text=settled.final.answer,
        confidence=settled.final.confidence,
        dissent=tuple(
            f"{view.label} ({authors[view.label]}): {view.view}" for view in settled.final.dissent
        ),
        account=settled.account,
        model=settled.model,
    )


def _answer(context: AskContext, standing: AnswerStanding) -> MemberAnswerShape:
    given = next(given for given in context.answers if given.label == standing.label)
    return MemberAnswerShape(
        label=given.label,
        account=given.account,
        model=given.model,
        text=given.answer.answer,
        confidence=given.answer.confidence,
        doubts=given.answer.doubts,
        borda=standing.borda,
        mean_rank=standing.mean_rank,
        rankings=standing.rankings,
    )


async def _cost_usd(store: EventStore, week_id: str, hashes: Collection[str]) -> float | None:
    """Return what all calls with these prompts cost, failed ones too; None where one is unknown."""
    facts = [to_fact(event) for event in await store.read_stream(f"llm-{week_id}")]
    cost = spending_of(
        fact for fact in facts if isinstance(fact, ModelCalled) and fact.prompt_hash in hashes
    ).cost_usd
    return None if cost is None else round(float(cost), 6)
