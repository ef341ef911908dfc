"""A trade's history in sentences, and that what is not read of the log holds none of it."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from config.ids import meaning_id, random_id, trade_id_for
from council.codec import to_event
from council.fact import Fact
from council.trade_facts import (
    TRADE_FACTS,
    ExecutionStarted,
    LegClosed,
    LegFact,
    LegIntended,
    OrderAccepted,
    OrderProgressed,
    SubmitAttempted,
    TradeApproved,
    TradeCompleted,
    TradeFact,
    TradeProposed,
)
from mcp_server.trade_history import history_of, read_history
from store.events import StoredEvent, StreamWrite
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


LIFE = (
    (TradeProposed,),
    (TradeApproved,),
    (LegIntended, ExecutionStarted),
    (SubmitAttempted,),
    (OrderAccepted,),
    (OrderProgressed,),
    (LegClosed,),
    (TradeCompleted,),
)
"""What is stored of a trade that goes well: what stands together is stored at once."""
ACCOUNT = "ALPHA"


async def lived(turns: Sequence[int]) -> tuple[MemoryEventStore, tuple[UUID, ...]]:
    """Store trades of one account; each of `turns` lets one of them go a step on."""
    store = MemoryEventStore(lambda _: ())
    examples = {type(fact): fact for fact in every_fact()}
    ids = tuple(meaning_id("trade", str(number)) for number in range(1 + max(turns)))
    done = dict.fromkeys(ids, 0)
    for turn in turns:
        trade_id, step = ids[turn], done[ids[turn]]
        if step == len(LIFE):
            continue
        known = {"trade_id": trade_id, "account": ACCOUNT, "client_order_id": str(trade_id)}
        facts = [
            examples[kind].model_copy(
                update={name: own for name, own in known.items() if name in kind.model_fields}
            )
            for kind in LIFE[step]
        ]
        await store.append_many(
            [StreamWrite(fact.stream, (to_event(fact, at=NOW),)) for fact in facts]
        )
        done[trade_id] = step + 1
    return store, ids


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
async def test_no_step_is_lost_by_not_reading_the_accounts_whole_life(turns: list[int]) -> None:
    store, ids = await lived(turns)
    everything = tuple([event async for event in store.read_all()])

    for trade_id in ids:
        told = await read_history(store, str(trade_id), ACCOUNT)
        assert told == history_of(everything, trade_id)


async def test_of_a_trade_whose_orders_never_began_no_order_is_read() -> None:
    store, (trade_id,) = await lived([0, 0])

    class Narrow:
        """A store of which nothing but one trade's stream may be read."""

        read_stream = store.read_stream

    told = await read_history(cast("Any", Narrow()), str(trade_id), ACCOUNT)

    assert len(told) == 2
