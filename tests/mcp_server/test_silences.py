"""Who has been silent for how long, told from as few pages of pitches as that takes."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from council.analytics.silence import silence_sentence, silent_managers
from council.codec import to_event
from council.events import PitchAbstained, PitchMade
from council.fact import Fact
from mcp_server.readings import read_silences
from mcp_server.wiring import App
from tests.builders import MANAGERS, NOW, make_pitch
from tests.fakes import make_deps

FIRST_ON = date(2026, 4, 22)


def pitched(week_id: str, account: str, *, is_silent: bool) -> Fact:
    if is_silent:
        return PitchAbstained(
            week_id=week_id, account=account, model="vendor/model", reason="It is away."
        )
    pitch = make_pitch(account, week_id=week_id)
    return PitchMade(week_id=week_id, account=account, pitch=pitch, outcome="valid")


@pytest.mark.parametrize("silent", [(30, 9, 8, 2, 1), (0, 7, 16, 17, 24), (8, 0, 0, 0, 0)])
async def test_a_silence_is_told_in_full_however_long_it_lasts(silent: tuple[int, ...]) -> None:
    deps, weeks = make_deps(), 30
    facts = [
        pitched(
            (FIRST_ON + timedelta(weeks=week)).isoformat(),
            account,
            is_silent=week >= weeks - silent[place],
        )
        for week in range(weeks)
        for place, account in enumerate(MANAGERS)
    ]
    for fact in facts:
        await deps.store.append(fact.stream, [to_event(fact, at=NOW)])

    told = await read_silences(cast(App, SimpleNamespace(deps=deps)))

    every: Any = await deps.store.rows("pm_pitches")
    names = [manager.nickname for manager in deps.config.managers]
    assert told == tuple(map(silence_sentence, silent_managers(every, names)))
    assert len(told) == sum(weeks >= 2 for weeks in silent)
