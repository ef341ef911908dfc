from syrupy.assertion import SnapshotAssertion

from config.ids import random_id, trade_id_for
from council.codec import to_event
from council.fact import Fact
from council.trade_facts import TRADE_FACTS, LegFact, TradeFact
from mcp_server.trade_history import history_of
from store.events import StoredEvent
from store.memory import MemoryEventStore
from tests.builders import NOW, WEEK_ID
from tests.council.fact_examples import every_fact

TRADE_ID = trade_id_for(WEEK_ID, "ALPHA")


async def stored(facts: tuple[Fact, ...]) -> tuple[StoredEvent, ...]:
    """Store each fact once, whether or not it could follow the one before."""
    store = MemoryEventStore(lambda _: ())
    for fact in facts:
        await store.append(fact.stream, [to_event(fact, at=NOW)])
    return tuple([event async for event in store.read_all()])


async def test_every_step_of_a_trade_is_a_sentence(snapshot: SnapshotAssertion) -> None:
    sentences = [step for _, step in history_of(await stored(every_fact()), TRADE_ID)]

    kinds = [kind for kind in TRADE_FACTS if issubclass(kind, TradeFact | LegFact)]
    assert len(sentences) == len(kinds)
    assert all(sentence.endswith(".") and ".." not in sentence for sentence in sentences)
    assert sentences == snapshot


async def test_the_steps_of_another_trade_are_left_out() -> None:
    events = await stored(every_fact())

    assert history_of(events, random_id()) == ()


async def test_the_steps_come_in_the_order_of_the_log() -> None:
    events = await stored(every_fact())

    assert history_of(reversed(events), TRADE_ID) == history_of(events, TRADE_ID)
