"""Research by prompt alone: a model at the gateway writes the pack over our own market snapshot."""

from council.llm.questions import research_question
from council.model.research import ConfidenceNotes, PackName, ResearchAnswer
from council.ports import Abstained, Models, ResearchResult, ResearchTask

NO_LIVE_WEB = "no live web: written from the market table and the model's own knowledge"


class PromptedResearch:
    """A `ResearchProvider` that searches nothing; every pack that it brings says so."""

    def __init__(self, models: Models, pack: PackName) -> None:
        self._models = models
        self._pack = pack

    @property
    def name(self) -> str:
        """Return "prompted:" and the model that would be asked first."""
        return f"prompted:{self._models.model_for(f'research-{self._pack}')}"

    async def research(self, task: ResearchTask) -> ResearchResult | Abstained:
        """Ask for the pack; the model that really answered stands in the result."""
        outcome = await self._models.ask(research_question(task))
        if isinstance(outcome, Abstained):
            return outcome
        return ResearchResult(
            answer=_flagged(outcome.answer),
            research_source=f"prompted:{outcome.model}",
            model=outcome.model,
            sources=(),
        )


def _flagged(answer: ResearchAnswer) -> ResearchAnswer:
    """Say that there was no live web, in the place of the last flag where there is no room."""
    notes = answer.confidence_notes
    if any("no live web" in flag.lower() for flag in notes.data_quality_flags):
        return answer
    flags = (NO_LIVE_WEB, *notes.data_quality_flags)[:8]
    flagged = ConfidenceNotes(known_unknowns=notes.known_unknowns, data_quality_flags=flags)
    return answer.model_copy(update={"confidence_notes": flagged})
