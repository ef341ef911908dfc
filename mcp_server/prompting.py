"""The prompts of a week as models read them: rendered again from what is stored, and counted."""

from collections.abc import Callable, Sequence
from typing import Any

from config.errors import UsageError
from council.codec import to_fact
from council.context import WeekContext
from council.events import ModelCalled
from council.llm.preflight import asked_of
from council.llm.turns import Mode, Turn, hash_of, request_for
from council.llm.wire_schema import schema_text
from council.model.research import PackName
from council.pipeline import load_week
from council.ports import Question
from council.research_facts import ResearchReported
from council.week_questions import questions_of
from mcp_server.prompt_shapes import PromptShape, PromptsShape
from mcp_server.tokens import ENCODING
from mcp_server.wiring import App
from store.ports import EventStore

CALLS_LIMIT = 13
TOKENS_LIMIT = 150_000
"""Of one decision over ten instruments."""

Count = Callable[[str], int]


async def read_prompts(app: App, week_id: str | None, count: Count | None) -> PromptsShape:
    """Return the prompts of a week (None: of the newest that has any), counted where asked for.

    Raises:
        UsageError: there is no such week, or it is not so far that models were asked.
    """
    store = app.deps.store
    context = await _context(store, week_id)
    facts = await _facts(store, f"llm-{context.week_id}")
    called = [fact for fact in facts if isinstance(fact, ModelCalled)]
    questions = questions_of(
        context,
        app.deps.config,
        reports=await _reports(store, context.week_id),
        asked={fact.prompt_hash for fact in called},
    )
    return _shape(app, context, [_prompt(app, each, called, count) for each in questions], count)


async def _context(store: EventStore, week_id: str | None) -> WeekContext:
    if week_id is None:
        weeks = [row["week_id"] for row in await store.rows("week_metadata")]
        week_id = max(weeks, default=None)
    context = await load_week(week_id, store) if week_id else None
    if context is None or context.snapshot is None:
        raise UsageError("No such week has prompts yet: run `council run-weekly` first.")
    return context


async def _facts(store: EventStore, stream: str) -> list[Any]:
    return [to_fact(event) for event in await store.read_stream(stream)]


async def _reports(store: EventStore, week_id: str) -> dict[PackName, str]:
    facts = await _facts(store, f"research-{week_id}")
    return {fact.pack: fact.report.text for fact in facts if isinstance(fact, ResearchReported)}


def _prompt(
    app: App, question: Question[Any], called: Sequence[ModelCalled], count: Count | None
) -> PromptShape:
    settings = asked_of(app.deps.config)[question.asked_by]
    prompt_hash = hash_of(question)
    own = [
        call
        for call in called
        if (call.asked_by, call.prompt_hash) == (question.asked_by, prompt_hash)
    ]
    turn = Turn(Mode.STRICT, settings.max_output_tokens)
    request = request_for(question, turn, model=settings.model, settings=settings)
    texts = [message["content"] for message in request.messages]
    texts.append(schema_text(question.answer_type))
    reported = [call.prompt_tokens for call in own if call.outcome == "answered"]
    return PromptShape(
        stage=question.stage,
        asked_by=question.asked_by,
        model=own[-1].requested_model if own else settings.model,
        prompt_hash=prompt_hash,
        calls=len(own),
        reported_tokens=reported[0] if reported else None,
        tokens=sum(map(count, texts)) if count else None,
        texts=() if count else tuple(texts),
    )


def _shape(
    app: App, context: WeekContext, prompts: Sequence[PromptShape], count: Count | None
) -> PromptsShape:
    tokens = sum(prompt.tokens or 0 for prompt in prompts)
    calls = max(len(prompts), sum(prompt.calls for prompt in prompts))
    within = calls <= CALLS_LIMIT and tokens <= TOKENS_LIMIT
    return PromptsShape(
        week_id=context.week_id,
        instruments=len(app.deps.config.universe),
        prompts=tuple(prompts),
        calls=calls,
        calls_limit=CALLS_LIMIT,
        tokens=tokens if count else None,
        tokens_limit=TOKENS_LIMIT,
        within_limits=within if count else None,
        tokenizer=ENCODING if count else None,
    )
