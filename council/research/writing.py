"""From a service's report to the pack: as the service wrote it, or set down by a gateway's model.

A report is untrusted text. Either it is a valid pack as it stands, or a model that can do nothing
else puts it into the strict schema; links and hidden characters never reach that model.
"""

from functools import partial

from council.llm.questions import report_question, research_problems
from council.llm.validation import read_answer
from council.model.research import Report, ResearchAnswer
from council.ports import Abstained, Models, ResearchResult, ResearchTask


async def written_pack(
    report: Report, task: ResearchTask, models: Models, *, source: str
) -> ResearchResult | Abstained:
    """Return the pack of `report`; `source` is who wrote that, such as "perplexity/sonar"."""
    rules = partial(research_problems, universe=task.universe, tradable=task.snapshot.tradable)
    own = read_answer(report.text, ResearchAnswer, rules).answer
    if own is not None:
        return _result(own, report, source)
    task.tell(f"{source} has reported; its report is put into the pack")
    outcome = await models.ask(report_question(task, report.text))
    if isinstance(outcome, Abstained):
        return outcome
    return _result(outcome.answer, report, f"{source}, set down by {outcome.model}")


def _result(answer: ResearchAnswer, report: Report, source: str) -> ResearchResult:
    return ResearchResult(
        answer=answer, research_source=source, model=report.model, sources=report.sources
    )
