"""Finding a trade by its id: as a look at every trade would, and by a look at two of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.errors import UnknownTrade
from council.trading.finding import find_trade
from store.events import Page
from store.memory import MemoryEventStore
from store.ports import EventStore
from tests.builders import make_ticket
from tests.council.trading.scenes import deps_on, store_proposal

EDGES = (0, 1, 0xFFFFFF << 104, (0xFFFFFF << 104) - 1, (1 << 128) - 1, 0xABCDEF << 104)


class Trades(MemoryEventStore):
    """A store with these trades, of which none may be read but in small pages."""

    def __init__(self, ids: Sequence[UUID], status: str = "open") -> None:
        super().__init__(lambda _: ())
        self._tables["trades"] = {(one,): {"trade_id": one, "status": status} for one in ids}

    async def rows(
        self, table: str, *, page: Page | None = None, **asked: Any
    ) -> tuple[dict[str, Any], ...]:
        """Refuse to read the whole table."""
        assert page is not None
        assert page.limit <= 20
        return await super().rows(table, page=page, **asked)


def by_looking_at_all(ids: Sequence[UUID], text: str) -> UUID | None:
    wanted = text.strip().lower()
    found = [one for one in ids if len(wanted) >= 6 and str(one).startswith(wanted)]
    return found[0] if len(found) == 1 else None


async def found_in(store: EventStore, text: str) -> UUID | None:
    try:
        return await find_trade(store, text)
    except UnknownTrade:
        return None


@given(
    st.lists(
        st.one_of(
            st.sampled_from(EDGES), st.integers(0, 63).map(lambda n: (0xABCDEF << 104) + n)
        ).map(lambda number: UUID(int=number)),
        unique=True,
        max_size=6,
    ),
    st.data(),
)
async def test_a_trade_is_found_as_if_all_were_looked_at(
    ids: list[UUID], data: st.DataObject
) -> None:
    texts = st.text("0123456789abcdefABCDEF- g", max_size=40)
    beginnings = st.sampled_from(ids or [UUID(int=1)]).flatmap(
        lambda one: st.integers(0, 36).map(lambda length: str(one)[:length])
    )
    text = data.draw(st.one_of(beginnings, texts))

    assert await found_in(Trades(ids), text) == by_looking_at_all(ids, text)


@pytest.mark.parametrize("kind", ["memory", "postgres"])
async def test_neighbours_are_told_apart_in_every_store(
    kind: str, request: pytest.FixtureRequest
) -> None:
    async with deps_on(kind, request) as deps:
        for number in EDGES:
            await store_proposal(deps, make_ticket(trade_id=UUID(int=number)))

        assert await find_trade(deps.store, "abcdef00") == UUID(int=0xABCDEF << 104)
        assert await find_trade(deps.store, str(UUID(int=0))) == UUID(int=0)
        for text in ("000000", "ffffff0", "fffffffffff", "abcde"):
            wanted = by_looking_at_all([UUID(int=number) for number in EDGES], text)
            assert await found_in(deps.store, text) == wanted


async def test_of_many_that_wait_a_few_are_listed() -> None:
    store = Trades([UUID(int=number) for number in range(30)], status="pending")

    with pytest.raises(UnknownTrade, match=r"000000000013, 10 more\.$"):
        await find_trade(store, "nonsense")
