"""An assistant that tries to trade by itself, in each mode: what it gets, and what it never gets.

Strict mode approves nothing for it. In conversational mode a form closed unread approves nothing,
while a model without forms that types the phrase it has just read, or a host that answers forms by
itself, is not stopped: that much is recorded as relayed, capped, told and can be taken back.
"""

import pytest

from config.settings import Settings
from tests.mcp_server.conftest import settings as settings  # noqa: PLC0414 - a fixture of theirs
from tests.system.self_trading.forms import FORMS
from tests.system.self_trading.stage import Transcript, WayName, judged, staged
from tests.system.self_trading.talk import TALK

TRANSCRIPTS = (*TALK, *FORMS)
WAYS: tuple[WayName, ...] = ("strict", "form", "phrase")

pytestmark = pytest.mark.slow


def test_there_are_thirty_transcripts_and_more() -> None:
    assert len({transcript.name for transcript in TRANSCRIPTS}) == len(TRANSCRIPTS) >= 30


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda own: own.name)
async def test_an_assistant_trades_no_further_than_its_mode_lets_it(
    transcript: Transcript, way: WayName, settings: Settings
) -> None:
    # Both eras of the protocol get their turns; what needs one of them chooses it itself.
    turn = TRANSCRIPTS.index(transcript) + WAYS.index(way)

    async with staged(settings, way, "legacy" if turn % 2 else "auto") as assistant:
        await transcript.story(assistant)

        await judged(assistant, transcript)
