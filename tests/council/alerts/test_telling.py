"""Told once, over restarts and processes, to addresses that come and go."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from config.clock import VirtualClock
from council.alerts.deliveries import (
    FIRST_PAUSE,
    MOST_ATTEMPTS,
    pause_after,
)
from tests.builders import EXPIRES_AT, MANAGERS, make_config
from tests.council.alerts.scenes import (
    CAPS,
    HALTS,
    HOOK,
    MAIL,
    MINUTE,
    NO,
    WAITS,
    FakeCarrier,
    begun,
    costing,
    halted,
    looks,
    pass_time,
    proposal,
    said,
    standing,
    store,
    teller_of,
)
from tests.council.trading.scenes import kinds_of
from tests.fakes import make_deps


async def test_a_burst_of_trades_is_one_message() -> None:
    carrier = FakeCarrier()
    deps, teller = await begun(carrier)
    await store(deps, *map(proposal, MANAGERS))

    await looks(teller, deps)

    assert carrier.titles == ["Council, SIMULATED: 5 trades wait"]


async def test_an_old_database_tells_no_history() -> None:
    carrier, deps = FakeCarrier(), make_deps()
    await store(deps, halted(), proposal())
    teller = teller_of(deps, carrier)

    await looks(teller, deps)
    await store(deps, halted(2))
    await looks(teller, deps)

    assert carrier.titles == [HALTS]


async def test_a_trade_that_waited_before_telling_began_still_expires_soon() -> None:
    carrier, deps = FakeCarrier(), make_deps()
    await store(deps, proposal())
    await teller_of(deps, carrier).look()
    await looks(teller_of(deps, carrier), deps)
    pass_time(deps, EXPIRES_AT - deps.clock.now() - timedelta(hours=1))

    await looks(teller_of(deps, carrier), deps)

    assert carrier.titles == ["Council, SIMULATED: 1 trade expires soon"]


async def test_nothing_is_told_again_after_a_restart() -> None:
    carrier = FakeCarrier()
    deps, teller = await begun(carrier)
    await store(deps, proposal(), halted())
    await looks(teller, deps)

    for _ in range(3):
        await looks(teller_of(deps, carrier), deps)

    assert len(carrier.sent) == 1


async def test_what_happened_while_nobody_told_is_told_later() -> None:
    carrier = FakeCarrier()
    deps, _ = await begun(carrier)
    await store(deps, halted())
    pass_time(deps, timedelta(days=2))

    await teller_of(deps, carrier).look()

    assert carrier.titles == [HALTS]


async def test_an_address_that_was_away_gets_everything_once_it_is_back() -> None:
    carrier = FakeCarrier((HOOK, MAIL), answers={HOOK: [NO] * 4})
    deps, teller = await begun(carrier)
    await store(deps, proposal())
    await looks(teller, deps, 1)
    complaint = await said(deps)
    await store(deps, halted())

    await looks(teller, deps, 30)

    hook = [title for address, title, _ in carrier.sent if address == HOOK]
    mail = [title for address, title, _ in carrier.sent if address == MAIL]
    assert hook == mail == [WAITS, HALTS]
    assert complaint[0].startswith(f"Alerts do not reach {HOOK}: it could not be reached, 1 in")
    assert await said(deps) == []


async def test_an_address_rests_longer_after_each_failure() -> None:
    carrier = FakeCarrier(answers={HOOK: [NO] * 100})
    deps, teller = await begun(carrier)
    await store(deps, proposal())
    pass_time(deps, MINUTE)
    tried = []
    for failures in range(1, 5):
        await teller.look()
        await teller.look()
        tried.append(100 - len(carrier.answers[HOOK]))
        pass_time(deps, pause_after(failures))

    assert tried == [1, 2, 3, 4]


async def test_a_failure_that_a_wrong_clock_dated_does_not_silence_an_address() -> None:
    carrier = FakeCarrier(answers={HOOK: [NO]})
    deps, _ = await begun(carrier)
    ahead = replace(deps, clock=VirtualClock(deps.clock.now() + timedelta(days=365)))
    await store(ahead, halted())
    await looks(teller_of(ahead, carrier), ahead, 1)

    pass_time(deps, MINUTE)
    await teller_of(deps, carrier).look()

    assert carrier.answers[HOOK] == []
    assert len(carrier.sent) == 1


async def test_what_was_given_up_long_ago_is_forgotten() -> None:
    carrier = FakeCarrier(answers={HOOK: [NO] * MOST_ATTEMPTS})
    deps, teller = await begun(carrier)
    await store(deps, proposal())
    await looks(teller, deps, 200, FIRST_PAUSE * 10)
    before = len((await standing(deps)).under_way)
    pass_time(deps, timedelta(days=8))
    await store(deps, halted())

    await looks(teller, deps)

    assert before == 1
    assert (await standing(deps)).under_way == {}


async def test_what_nobody_takes_is_given_up_and_told_as_failed() -> None:
    carrier = FakeCarrier(answers={HOOK: [NO] * 100})
    deps, teller = await begun(carrier)
    await store(deps, proposal())

    await looks(teller, deps, 200, FIRST_PAUSE * 10)

    assert 100 - len(carrier.answers[HOOK]) == MOST_ATTEMPTS
    assert [f"Alerts that {HOOK} never took, and that were given up: “{WAITS}”."] == [
        sentence for sentence in await said(deps) if "given up" in sentence
    ]


async def test_two_processes_tell_once() -> None:
    carrier = FakeCarrier((HOOK, MAIL))
    deps, first = await begun(carrier)
    second = teller_of(deps, carrier)
    for fact in (proposal(), halted()):
        await store(deps, fact)
        pass_time(deps, MINUTE)
        await asyncio.gather(first.look(), second.look(), first.look(), second.look())

    assert sorted(carrier.titles) == sorted([WAITS, HALTS] * 2)


async def test_a_new_address_is_not_told_what_the_others_were() -> None:
    carrier = FakeCarrier()
    deps, teller = await begun(carrier)
    await store(deps, halted())
    await looks(teller, deps)
    both = replace(carrier, addresses=(HOOK, MAIL))

    await looks(teller_of(deps, both), deps)

    assert [address for address, _, _ in carrier.sent] == [HOOK]


async def test_what_models_cost_is_added_up_over_restarts() -> None:
    config = make_config()
    capped = config.model_copy(update={"models": config.models.model_copy(update={"budget": CAPS})})
    carrier, deps = FakeCarrier(), make_deps(capped)
    await store(deps, costing("0.5", 1))
    await teller_of(deps, carrier).look()
    await store(deps, costing("0.35", 2))

    for _ in range(3):
        await looks(teller_of(deps, carrier), deps)

    assert carrier.titles == ["Council, SIMULATED: budget nearly spent"]
    assert "0.85 of the 1.00 USD that models may cost in this run of pitch" in carrier.sent[0][2]


async def test_every_step_of_telling_is_a_fact() -> None:
    carrier = FakeCarrier(answers={HOOK: [NO]})
    deps, teller = await begun(carrier)
    await store(deps, proposal())

    await looks(teller, deps)

    assert await kinds_of(deps, "alerts") == [
        "AlertsBegan",
        "AlertGathered",
        "AlertBegun",
        "AlertFailed",
        "AlertBegun",
        "AlertSent",
    ]
