"""What may stand in an event is refused wherever it hides, and everything else comes back."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import PayloadRefused
from store.payloads import MAX_DEPTH, to_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab\\u0"), inner),
    max_leaves=12,
)


def hidden(item: Any, *, depth: int) -> Any:
    """Return `item` inside of lists and objects by turns, at `depth`."""
    for level in range(depth):
        item = {"in": item} if level % 2 else [1, item]
    return item


@given(PLAIN)
def test_what_jsonb_can_hold_comes_back(value: Any) -> None:
    assert json.loads(to_json(value)) == value


@pytest.mark.parametrize("depth", [0, 1, 2, 7])
@pytest.mark.parametrize(
    ("item", "error"),
    [
        ("a\0b", PayloadRefused),
        ({"a\0b": 1}, PayloadRefused),
        ("\ud800", PayloadRefused),
        (float("nan"), PayloadRefused),
        (float("-inf"), PayloadRefused),
        (Decimal(1), TypeError),
        ({1: "one"}, TypeError),
        ({None: "none"}, TypeError),
        (b"bytes", TypeError),
    ],
    ids=repr,
)
def test_what_jsonb_cannot_hold_is_refused_at_every_depth(
    item: Any, error: type[Exception], depth: int
) -> None:
    with pytest.raises(error):
        to_json(hidden(item, depth=depth))


def test_an_escape_that_is_only_written_out_is_text_like_any_other() -> None:
    assert json.loads(to_json({"text": "\\u0000"})) == {"text": "\\u0000"}


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, MAX_DEPTH + 50, 5_000])
def test_nesting_that_nobody_could_read_back_is_refused(depth: int) -> None:
    with pytest.raises(PayloadRefused, match="nested deeper"):
        to_json(hidden("deep", depth=depth))


def test_the_deepest_nesting_that_is_allowed_is_stored() -> None:
    value = hidden("deep", depth=MAX_DEPTH)

    assert json.loads(to_json(value)) == value
