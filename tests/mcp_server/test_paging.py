import base64
import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import UsageError
from mcp_server.tools.paging import page

OF = "trades pending None"


@dataclass(frozen=True)
class Item:
    trade_id: str


def items(*names: int) -> tuple[Item, ...]:
    return tuple(Item(str(name)) for name in names)


@given(st.lists(st.integers(), unique=True, max_size=60), st.integers(1, 50))
def test_the_pages_together_are_the_list(names: list[int], limit: int) -> None:
    listed, seen = items(*names), list[Item]()
    shown, cursor = page(listed, None, limit, of=OF)
    seen += shown
    while cursor is not None:
        shown, cursor = page(listed, cursor, limit, of=OF)
        seen += shown

    assert tuple(seen) == listed


@given(st.sets(st.integers(0, 19)), st.integers(1, 10))
def test_what_leaves_the_list_between_two_pages_makes_nothing_be_missed(
    gone: set[int], limit: int
) -> None:
    before = items(*range(20))
    first, cursor = page(before, None, limit, of=OF)
    after = tuple(item for item in before if int(item.trade_id) not in gone)

    second, _ = page(after, cursor, 20, of=OF)

    assert set(after) <= {*first, *second}


def test_the_last_page_has_no_cursor() -> None:
    assert page(items(1, 2), None, 2, of=OF) == (items(1, 2), None)
    assert page((), None, 2, of=OF) == ((), None)


def made_up(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "no cursor",
        "é",
        "x" * 300,
        made_up([]),
        made_up({"of": OF}),
        made_up({"of": OF, "after": 3}),
        made_up({"of": 1, "after": [2]}),
        page(items(1, 2), None, 1, of="another list")[1] or "",
    ],
)
def test_a_foreign_cursor_is_refused_in_one_sentence(cursor: str) -> None:
    with pytest.raises(UsageError, match="was not made for this list: call again without it"):
        page(items(1, 2), cursor, 1, of=OF)
