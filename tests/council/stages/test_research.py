from council.context import WeekContext
from council.events import ResearchFailed, ResearchReceived, WeekStarted
from council.ports import Abstained, Progress, ResearchResult, ResearchTask
from council.stages.research import research
from tests.builders import UNIVERSE, WEEK_ID, make_snapshot
from tests.fakes import FakeResearch, abstained, make_deps

STARTED = WeekStarted(
    week_id=WEEK_ID, config_hash="c", mode="rehearsal", query="Gold?", models={}, degraded=()
)
CONTEXT = WeekContext(WEEK_ID, started=STARTED, snapshot=make_snapshot())


async def test_both_packs_are_written_from_the_frozen_table_and_the_owners_question() -> None:
    provider = FakeResearch()

    facts = await research(CONTEXT, make_deps(research={"A": (provider,), "B": (provider,)}))

    assert [fact.pack.pack for fact in facts if isinstance(fact, ResearchReceived)] == ["A", "B"]
    for task in provider.tasks:
        assert task.snapshot is CONTEXT.snapshot
        assert (task.query, task.universe) == ("Gold?", UNIVERSE)


async def test_a_missing_pack_is_a_fact_and_the_other_arrives() -> None:
    silent = FakeResearch("silent", abstained("no key"))

    failed, received = await research(
        CONTEXT, make_deps(research={"A": (silent,), "B": (FakeResearch(),)})
    )

    assert isinstance(failed, ResearchFailed)
    assert "no key" in failed.reason
    assert isinstance(received, ResearchReceived)


async def test_a_pack_that_is_switched_off_is_neither_asked_for_nor_missing() -> None:
    facts = await research(CONTEXT, make_deps(research={"A": (FakeResearch(),)}))

    assert len(facts) == 1


async def test_what_a_provider_tells_while_it_works_is_told_with_its_pack() -> None:
    class Slow(FakeResearch):
        async def research(self, task: ResearchTask) -> ResearchResult | Abstained:
            task.tell("is still searching")
            return await super().research(task)

    told: list[Progress] = []
    await research(CONTEXT, make_deps(research={"A": (Slow(),)}, tell=told.append))

    assert told[0] == Progress("research", "pack A: is still searching", 0, 1)
