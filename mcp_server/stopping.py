"""What commands and tools do about stopping: halt, resume, look at drifts, accept one.

All of it needs the store alone, so that trading can be stopped while every venue is away.
"""

from collections.abc import Sequence

from config.errors import UsageError
from council.trade_facts import (
    AccountObserved,
    DriftAccepted,
    DriftDetected,
    HaltChannel,
    TradingHalted,
    TradingResumed,
)
from council.trading import halts
from council.trading.approvals import Decider
from council.trading.halts import Resumed, Stopped
from council.trading.verdicts import minute
from mcp_server.halt_file import HALTER, HaltFile
from mcp_server.shapes import AccountResultShape
from mcp_server.stop_shapes import DriftShape, DriftsShape, StoppingShape, StopsShape
from mcp_server.stop_views import account_stops
from mcp_server.wiring import App

_KINDS = (AccountObserved, DriftDetected, DriftAccepted, TradingHalted, TradingResumed)


async def read_stops(app: App) -> StopsShape:
    """Return what stands still, without reading the accounts' orders or asking a venue."""
    kinds = [kind.__name__ for kind in _KINDS]
    events = [event async for event in app.deps.store.read_all(event_types=kinds)]
    return StopsShape(
        accounts=tuple(
            account_stops(config.nickname, events) for config in app.deps.config.accounts
        ),
        halt_file=app.deps.halt_wanted(),
    )


async def halt(
    app: App,
    accounts: Sequence[str] | None,
    *,
    reason: str,
    by: str,
    channel: HaltChannel,
    cancel_orders: bool = True,
) -> StoppingShape:
    """Halt accounts (None: all); see `council.trading.halts.halt`."""
    stopped = await halts.halt(
        app.deps, accounts, reason=reason, by=by, channel=channel, cancel_orders=cancel_orders
    )
    return StoppingShape(results=tuple(map(_stopped, stopped)), notices=())


def _stopped(stopped: Stopped) -> AccountResultShape:
    fact = stopped.fact
    cancels = fact.cancel_orders
    message = "the executor cancels orders under way" if cancels else "orders under way go on"
    if not stopped.is_new:
        message = f"already, by {fact.by} at {minute(stopped.at)} ({fact.reason})"
    return AccountResultShape(account=stopped.account, status="halted", message=message)


async def resume(app: App, accounts: Sequence[str] | None, by: Decider) -> StoppingShape:
    """Resume accounts (None: all) and remove the halt file; see `council.trading.halts.resume`.

    Raises:
        RefusedError: the halt file cannot be removed, or this is no person's channel.
    """
    halts.check_person(by, halts.RESUMING)
    names = halts.chosen_accounts(app.deps, accounts)
    notices = await _without_halt_file(app, names)
    resumed = await halts.resume(app.deps, names, decider=by)
    return StoppingShape(results=tuple(map(_resumed, resumed)), notices=notices)


async def _without_halt_file(app: App, resumed: Sequence[str]) -> tuple[str, ...]:
    """Remove the file, first writing its halt down for the accounts that stay halted."""
    reason, file = app.deps.halt_wanted(), HaltFile.in_home(app.settings.council_home)
    if reason is None:
        return ()
    others = [a.nickname for a in app.deps.config.accounts if a.nickname not in resumed]
    if others:
        await halts.halt(app.deps, others, reason=reason, by=HALTER, channel="file")
    if not file.remove():
        return ()
    return (f"The halt file {file.path} was removed{_still_halted(others)}.",)


def _still_halted(others: Sequence[str]) -> str:
    if not others:
        return ""
    return f"; {', '.join(others)} {'stays' if len(others) == 1 else 'stay'} halted"


def _resumed(resumed: Resumed) -> AccountResultShape:
    ended = resumed.ended
    message = "it was not halted"
    if ended is not None:
        message = f"again; {ended.by} had halted it ({ended.reason})"
    return AccountResultShape(account=resumed.account, status="trading", message=message)


async def drifts(app: App) -> DriftsShape:
    """Return every drift that waits for a person, in the order of accounts.yaml."""
    stops = await read_stops(app)
    return DriftsShape(
        drifts=tuple(
            DriftShape(account=account.account, **freeze.model_dump())
            for account in stops.accounts
            for freeze in account.frozen
        )
    )


async def one_drift(app: App, account: str, instrument: str) -> DriftShape:
    """Return the drift that freezes an instrument for an account.

    Raises:
        UsageError: there is no such account, or no such drift; the message lists what is frozen.
    """
    (name,) = halts.chosen_accounts(app.deps, [account])
    wanted, found = instrument.strip().upper(), (await drifts(app)).drifts
    for drift in found:
        if (drift.account, drift.instrument) == (name, wanted):
            return drift
    frozen = ", ".join(f"{drift.account} {drift.instrument}" for drift in found) or "nothing"
    raise UsageError(f"{name} has no drift in {wanted} to accept; frozen: {frozen}.")


async def accept_drift(app: App, drift: DriftShape, by: Decider) -> AccountResultShape:
    """Accept exactly the drift that was shown; see `council.trading.halts.accept_drift`."""
    fact = await halts.accept_drift(
        app.deps, drift.account, drift.instrument, decider=by, number=drift.number
    )
    message = f"the record says {fact.quantity:+} {fact.symbol} too; it may be traded again"
    return AccountResultShape(account=fact.account, status="accepted", message=message)
