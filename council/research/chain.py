"""A pack's providers, tried one after the other: the first that answers writes the pack."""

from collections.abc import Sequence
from datetime import datetime

from council.events import ResearchFailed, ResearchReceived, Silence
from council.model.research import ResearchPack
from council.ports import Abstained, ResearchProvider, ResearchResult, ResearchTask
from council.research.checks import flagged


async def research_pack(
    task: ResearchTask, providers: Sequence[ResearchProvider]
) -> ResearchReceived | ResearchFailed:
    """Return the pack of the first provider that writes it, or why none of them could.

    `providers` are asked in their order. The pack is as of the snapshot that all of them read, so
    that writing it again after a crash gives the same pack. Prices in it that differ from the
    snapshot's are flagged.
    """
    failed: list[str] = []
    outcome: Silence | None = None
    for provider in providers:
        result = await provider.research(task)
        if isinstance(result, ResearchResult):
            pack = _pack(task, result, task.snapshot.as_of_at)
            return ResearchReceived(week_id=task.week_id, pack=pack, failed_providers=tuple(failed))
        failed.append(_failure(provider, result))
        outcome = result.outcome
    reason = "; ".join(failed) if failed else "no provider is configured"
    return ResearchFailed(week_id=task.week_id, pack=task.pack, reason=reason, outcome=outcome)


def _pack(task: ResearchTask, result: ResearchResult, as_of_at: datetime) -> ResearchPack:
    answer = flagged(result.answer, task.snapshot)
    return ResearchPack(
        **{name: getattr(answer, name) for name in type(answer).model_fields},
        week_id=task.week_id,
        pack=task.pack,
        asof_et=as_of_at,
        research_source=result.research_source,
        model=result.model,
        sources=result.sources,
    )


def _failure(provider: ResearchProvider, failure: Abstained) -> str:
    return f"{provider.name}: {failure.reason}"
