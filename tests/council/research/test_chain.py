from config.clock import VirtualClock
from council.events import ResearchFailed, ResearchReceived
from council.llm.journal import Journal
from council.llm.models import open_models
from council.model.research import ConfidenceNotes, ResearchAnswer
from council.ports import Abstained, Answered, Question, ResearchResult, ResearchTask
from council.research.chain import research_pack
from council.research.prompted import NO_LIVE_WEB, PromptedResearch
from tests.builders import NOW, UNIVERSE, WEEK_ID, make_config, make_research_answer, make_snapshot
from tests.council.llm.stub import make_store

TASK = ResearchTask(WEEK_ID, "A", make_snapshot(), UNIVERSE, None)


class Provider:
    """Brings one result and counts how often it was asked."""

    def __init__(self, name: str, result: ResearchResult | Abstained) -> None:
        self.name = name
        self.result = result
        self.asked = 0

    async def research(self, task: ResearchTask) -> ResearchResult | Abstained:
        self.asked += 1
        return self.result


def silent(name: str) -> Provider:
    return Provider(name, Abstained("m", f"{name} is away", "unreachable"))


def speaking(name: str) -> Provider:
    return Provider(name, ResearchResult(make_research_answer(), name, f"{name}-model", ()))


async def test_the_first_provider_that_answers_writes_the_pack() -> None:
    first, second, third = silent("one"), speaking("two"), speaking("three")

    received = await research_pack(TASK, (first, second, third))

    assert isinstance(received, ResearchReceived)
    assert received.pack.research_source == "two"
    assert received.pack.model == "two-model"
    assert received.pack.asof_et == TASK.snapshot.as_of_at
    assert received.failed_providers == ("one: one is away",)
    assert (first.asked, second.asked, third.asked) == (1, 1, 0)


async def test_a_wrong_price_is_flagged_whoever_wrote_the_pack() -> None:
    provider = speaking("one")
    assert isinstance(provider.result, ResearchResult)
    consensus = make_research_answer().consensus_map
    said = consensus.model_copy(update={"street_consensus": "SPY at $450 is cheap."})
    answer = make_research_answer(consensus_map=said)
    provider.result = ResearchResult(answer, "one", "one-model", ())

    received = await research_pack(TASK, (provider,))

    assert isinstance(received, ResearchReceived)
    assert "SPY 450" in received.pack.confidence_notes.data_quality_flags[0]


async def test_a_pack_that_nobody_could_write_says_who_was_asked() -> None:
    failed = await research_pack(TASK, (silent("one"), silent("two")))

    assert failed == ResearchFailed(
        week_id=WEEK_ID,
        pack="A",
        reason="one: one is away; two: two is away",
        outcome="unreachable",
    )


async def test_a_pack_without_providers_fails_and_is_not_invented() -> None:
    failed = await research_pack(TASK, ())

    assert isinstance(failed, ResearchFailed)


class Writer:
    """Models that answer research with one given answer."""

    def __init__(self, answer: ResearchAnswer) -> None:
        self.answer = answer

    async def ask(self, question: Question[ResearchAnswer]) -> Answered[ResearchAnswer]:
        return Answered(self.answer, "vendor/served", "valid")

    def model_for(self, asked_by: str) -> str:
        return f"vendor/{asked_by}"


async def test_a_prompted_pack_says_that_it_saw_no_live_web_and_names_who_answered() -> None:
    notes = ConfidenceNotes(known_unknowns=(), data_quality_flags=("stale",) * 8)
    answer = make_research_answer(confidence_notes=notes)
    provider = PromptedResearch(Writer(answer), "A")  # type: ignore[arg-type]  # one answer only

    result = await provider.research(TASK)

    assert provider.name == "prompted:vendor/research-A"
    assert isinstance(result, ResearchResult)
    assert (result.research_source, result.sources) == ("prompted:vendor/served", ())
    flags = result.answer.confidence_notes.data_quality_flags
    assert flags[0] == NO_LIVE_WEB
    assert len(flags) == 8


async def test_the_rehearsal_researcher_writes_both_packs() -> None:
    clock = VirtualClock(NOW)
    journal = Journal(make_store(), clock)
    models = open_models(make_config(), mode="rehearsal", journal=journal, clock=clock)

    received = await research_pack(TASK, (PromptedResearch(models, "A"),))

    assert isinstance(received, ResearchReceived)
    assert received.pack.research_source == "prompted:rehearsal/research"
    assert "no live web: rehearsal" in received.pack.confidence_notes.data_quality_flags
    await models.aclose()
