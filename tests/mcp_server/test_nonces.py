"""The nonces of cards by themselves: good for one ticket, for 15 minutes, under our keys."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import RefusedError
from mcp_server.nonces import LIFETIME, Shown, check_nonce, issue_nonce
from mcp_server.sealing import form_security
from tests.builders import NOW

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SHOWN = Shown("78686449-bf3b-5cae-b4eb-785c6ebbb7db", "7f3a" * 16, 1)
JUST = timedelta(microseconds=1)


def test_a_nonce_is_good_for_its_ticket_until_its_end() -> None:
    nonce = issue_nonce(SHOWN, (KEY,), now=NOW)

    check_nonce(nonce, SHOWN, (KEY,), now=NOW)
    check_nonce(nonce, SHOWN, (KEY,), now=NOW + LIFETIME - JUST)
    check_nonce(nonce, SHOWN, (OTHER_KEY, KEY), now=NOW)
    with pytest.raises(RefusedError, match="older than 15 minutes: load the list again"):
        check_nonce(nonce, SHOWN, (KEY,), now=NOW + LIFETIME)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (replace(SHOWN, trade_id="0" * 36), "belongs to another trade"),
        (replace(SHOWN, digest="8" * 64), "no longer the one on the card"),
        (replace(SHOWN, round=2), "no longer the one on the card"),
    ],
)
def test_a_nonce_is_good_for_no_other_ticket(other: Shown, why: str) -> None:
    nonce = issue_nonce(SHOWN, (KEY,), now=NOW)

    with pytest.raises(RefusedError, match=why):
        check_nonce(nonce, other, (KEY,), now=NOW)


def test_a_nonce_of_another_key_is_none_of_ours() -> None:
    with pytest.raises(RefusedError, match="not issued by this council"):
        check_nonce(issue_nonce(SHOWN, (OTHER_KEY,), now=NOW), SHOWN, (KEY,), now=NOW)


def test_the_sealed_state_of_a_form_is_no_nonce() -> None:
    content = [SHOWN.trade_id, SHOWN.digest, SHOWN.round, NOW.timestamp() + 60]
    state = form_security(lambda: (KEY,)).codec.seal(json.dumps(content).encode())

    with pytest.raises(RefusedError, match="not issued by this council"):
        check_nonce(state, SHOWN, (KEY,), now=NOW)


@given(st.text(max_size=300))
def test_no_text_that_was_not_issued_is_a_nonce(text: str) -> None:
    with pytest.raises(RefusedError, match="not issued by this council"):
        check_nonce(text, SHOWN, (KEY,), now=NOW)


@given(st.integers(min_value=0), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_nonce_with_any_character_changed_is_refused(place: int, character: str) -> None:
    nonce = issue_nonce(SHOWN, (KEY,), now=NOW)
    at = place % len(nonce)
    forged = nonce[:at] + character + nonce[at + 1 :]

    if forged != nonce:
        with pytest.raises(RefusedError):
            check_nonce(forged, SHOWN, (KEY,), now=NOW)
