"""A script in the person's place: it counts where neither the venue nor the time is real."""

from dataclasses import replace
from datetime import datetime

import pytest

from broker.models import VenueName
from config.clock import SystemClock, VirtualClock
from config.errors import RefusedError
from council.ports import Deps
from council.trade_facts import TradeApproved
from council.trading.approvals import Decider, approve
from council.trading.executor import execute_once
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import NOW
from tests.council.trading.scenes import ACCOUNT, facts_of, in_mode, proposed, venue_of
from tests.fakes import make_deps

scripts = pytest.mark.parametrize(
    "script",
    [Decider("demo", "demo", "demo"), Decider("simulation", "simulation", "simulation")],
    ids=["demo", "simulation"],
)
modes = pytest.mark.parametrize("mode", ["conversational", "strict"])


class _MachineTime(SystemClock):
    """The machine's own clock, set to the test's instant."""

    def now(self) -> datetime:
        return NOW


def at_alpaca(deps: Deps) -> Deps:
    """Let every account live at Alpaca."""
    for account in deps.desks:
        venue_of(deps, account).name = VenueName.ALPACA_PAPER
    return deps


@scripts
@modes
async def test_a_script_decides_on_the_simulated_exchange_and_a_virtual_clock(
    script: Decider, mode: str
) -> None:
    deps = in_mode(make_deps(), mode)
    ticket = await proposed(deps)

    await approve(ticket.trade_id, deps, decider=script)
    await execute_once(deps, (ACCOUNT,))

    assert len(venue_of(deps).submitted) == 1


@scripts
@modes
@pytest.mark.parametrize("real", ["venue", "time"])
async def test_a_script_approves_nothing_where_anything_is_real(
    script: Decider, mode: str, real: str
) -> None:
    deps = at_alpaca(make_deps()) if real == "venue" else make_deps(clock=_MachineTime())
    ticket = await proposed(deps)

    with pytest.raises(RefusedError, match="here a person decides"):
        await approve(ticket.trade_id, in_mode(deps, mode), decider=script)

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.PENDING


@scripts
@pytest.mark.parametrize("real", ["venue", "time"])
async def test_what_a_script_approved_is_sent_nowhere_else(script: Decider, real: str) -> None:
    deps = make_deps(clock=VirtualClock(NOW))
    ticket = await proposed(deps)
    await approve(ticket.trade_id, deps, decider=script)
    elsewhere = at_alpaca(deps) if real == "venue" else replace(deps, clock=_MachineTime())

    await execute_once(elsewhere, (ACCOUNT,))

    assert venue_of(deps).submitted == []
    kinds = [type(fact) for fact in await facts_of(deps, f"trade-{ticket.trade_id}")]
    assert TradeApproved in kinds
    assert (await load_trade(deps.store, ticket.trade_id)).status is not TradeStatus.APPROVED
