"""The executor: the only one who sends orders, in any number of processes at once.

Each account's turn stands under the account's lock, which saves work; that no order is ever doubled
rests on expected versions and order ids alone. One account's trouble never stops the others.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from config import telemetry
from config.errors import CouncilError, UnreachableError, UsageError
from council.errors import Overtaken
from council.parallel import all_at_once, meanwhile
from council.ports import Deps
from council.trade_facts import DriftAccepted, TradeApproved, TradingHalted, TradingResumed
from council.trading.account_legs import AccountLedger
from council.trading.account_run import AccountReport, AccountRun
from council.trading.approvals import expire_due, expire_unsent
from council.trading.opening import mark_opening

LONGEST_REST: Final = timedelta(seconds=30)
"""So often all accounts get a turn even if nothing was heard: for the open, and for expiry."""

TURNS_AT_ONCE: Final = 32
"""Accounts whose turns run side by side; each holds a thread and now and then a connection."""

SETTLE_STEP: Final = timedelta(milliseconds=500)
RELOADS: Final = 3
_FRUITLESS: Final = frozenset({"unreachable", "busy"})
_IN_MOTION: Final = _FRUITLESS | {"working"}
_WAKING: Final = tuple(
    kind.__name__ for kind in (TradeApproved, TradingHalted, TradingResumed, DriftAccepted)
)
"""Facts by which a person gives the executor something to do."""


async def execute_once(
    deps: Deps, accounts: Sequence[str] | None = None
) -> tuple[AccountReport, ...]:
    """Give each of `accounts` (nicknames; None: all) one turn, many at the same time.

    The first time in a session all accounts are marked before; see `mark_opening`.

    Raises:
        UsageError: a nickname is unknown.
        StoreUnavailable: the database is away.
    """
    names = _chosen(deps, accounts)
    await expire_due(deps)
    await mark_opening(deps)
    places = asyncio.Semaphore(TURNS_AT_ONCE)

    async def in_place(name: str) -> AccountReport:
        async with places:
            return await _turn(name, deps)

    return await all_at_once([in_place(name) for name in names])


async def run_until_settled(
    deps: Deps,
    accounts: Sequence[str] | None = None,
    *,
    timeout: timedelta,  # noqa: ASYNC109 - it passes on the injected clock, not on the loop's
) -> tuple[AccountReport, ...]:
    """Repeat turns until no order is under way, or for `timeout`; tell each account's as one."""
    give_up_at = deps.clock.now() + timeout
    turns: list[tuple[AccountReport, ...]] = []
    for _ in range(int(timeout / SETTLE_STEP) + 1):
        turns.append(await execute_once(deps, accounts))
        moving = any(report.outcome in _IN_MOTION for report in turns[-1])
        if not moving or deps.clock.now() >= give_up_at:
            break
        await deps.clock.sleep(SETTLE_STEP)
    return tuple(map(_merged, zip(*turns, strict=True)))


async def executor_loop(
    deps: Deps,
    stop: asyncio.Event,
    interval: timedelta,
    *,
    turned: Callable[[], None] = lambda: None,
) -> None:
    """Give all accounts a turn whenever there is work, until `stop` is set; no error ends the loop.

    `turned` is called at the start and whenever the loop comes round, with or without work.

    Every `interval` one read tells whether anything was approved, and sooner where the log says so;
    see `_Watch`. What is away, such as the database, is told once and not at every look.
    """
    wake = asyncio.Event()
    async with meanwhile(_listen(deps, wake)):
        await _loop(deps, stop, wake, interval=interval, turned=turned)


async def _listen(deps: Deps, wake: asyncio.Event) -> None:
    """Set `wake` at every word of a person, as soon as it is stored."""
    async for event in deps.store.subscribe(await deps.store.head()):
        if event.event_type in _WAKING:
            wake.set()


async def _loop(
    deps: Deps,
    stop: asyncio.Event,
    wake: asyncio.Event,
    *,
    interval: timedelta,
    turned: Callable[[], None],
) -> None:
    log = structlog.get_logger("executor")
    watch = _Watch(deps)
    told: dict[str, AccountReport] = {}
    away = ""
    while not stop.is_set():
        turned()
        reports: tuple[AccountReport, ...] = ()
        try:
            reports = await _turns_if_due(deps, watch)
            away = ""
        except CouncilError as error:
            if str(error) != away:
                log.warning("executor.waits", reason=str(error))
            away = str(error)
        except Exception:
            log.exception("executor.cycle_failed")
        for report in reports:
            if report.outcome != "idle" and told.get(report.account) != report:
                log.info(
                    "executor.turn",
                    account=report.account,
                    outcome=report.outcome,
                    notes=report.notes,
                )
            told[report.account] = report
        await _pause(stop, wake, interval)


class _Watch:
    """Which accounts' turns are worth their locks: after a person's word, amid orders.

    After a long rest all are, and in the first cycle: another process may have died in the middle
    of an order. Whoever rests does not hold up the order of another.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._position = 0
        self._rest_until: datetime | None = None
        self._restless: set[str] = set()
        self._halt_wanted: str | None = None

    async def due(self) -> tuple[str, ...]:
        """Read on from the last word seen; what is said during a turn is seen after it."""
        if self._deps.halt_wanted() != self._halt_wanted:
            self._halt_wanted, self._rest_until = self._deps.halt_wanted(), None
        async for event in self._deps.store.read_all(self._position, event_types=_WAKING):
            self._position = event.position
            self._restless.add(event.account_id or "")
        known = _chosen(self._deps, None)
        if self._rest_until is None or self._deps.clock.now() >= self._rest_until:
            self._rest_until = None
            return known
        return tuple(name for name in known if name in self._restless)

    def saw(self, reports: Sequence[AccountReport]) -> None:
        """Let those of `reports` rest that have no order under way."""
        if self._rest_until is None:  # these are all
            self._rest_until = self._deps.clock.now() + LONGEST_REST
        moving = {report.account for report in reports if report.outcome in _IN_MOTION}
        self._restless = (self._restless - {report.account for report in reports}) | moving


async def _turns_if_due(deps: Deps, watch: _Watch) -> tuple[AccountReport, ...]:
    due = await watch.due()
    if not due:
        return ()
    reports = await execute_once(deps, due)
    watch.saw(reports)
    return reports


async def _pause(stop: asyncio.Event, wake: asyncio.Event, interval: timedelta) -> None:
    """Wait for `interval`, for the end, or for a word that was not seen yet."""
    async with meanwhile(stop.wait()) as ending, meanwhile(wake.wait()) as waking:
        await asyncio.wait(
            (ending, waking),
            timeout=interval.total_seconds(),
            return_when=asyncio.FIRST_COMPLETED,
        )
    wake.clear()


async def _turn(account: str, deps: Deps) -> AccountReport:
    """Give one account its turn, and count it."""
    with telemetry.step("executor.turn", {"account": account}) as step:
        report = await _reported(account, deps)
        step.says({"outcome": report.outcome})
    telemetry.count(telemetry.TURNS, report.outcome)
    return report


async def _reported(account: str, deps: Deps) -> AccountReport:
    """Take the turn; whatever fails becomes its report and leaves the other accounts alone."""
    log = structlog.get_logger("executor")
    try:
        if account not in deps.desks:
            await expire_unsent(account, deps)
            return AccountReport(account, "blocked", (deps.refused_accounts[account],))
        async with deps.locks.exclusive(f"executor-{account}") as held:
            if held:
                return await _run(account, deps)
    except UnreachableError as error:
        return AccountReport(account, "unreachable", (str(error),))
    except CouncilError as error:
        return AccountReport(account, "blocked", (str(error),))
    except Exception as error:
        log.exception("executor.turn_failed", account=account)
        note = f"the executor failed on {account}, its log says where: {type(error).__name__}"
        return AccountReport(account, "blocked", (note,))
    return AccountReport(account, "busy", ("another executor works on this account",))


async def _run(account: str, deps: Deps) -> AccountReport:
    for _ in range(RELOADS):
        ledger = await AccountLedger.opened(deps, account)
        try:
            return await AccountRun(deps, deps.desks[account], ledger).run()
        except Overtaken:
            continue
    return AccountReport(account, "busy", ("another executor keeps writing first",))


def _chosen(deps: Deps, accounts: Sequence[str] | None) -> tuple[str, ...]:
    known = (*deps.desks, *(name for name in deps.refused_accounts if name not in deps.desks))
    unknown = sorted(set(accounts or ()) - set(known))
    if unknown:
        listed = ", ".join(known)
        raise UsageError(f"No account is called {', '.join(unknown)}: choose from {listed}.")
    return known if accounts is None else tuple(accounts)


def _merged(turns: Sequence[AccountReport]) -> AccountReport:
    """Return an account's newest outcome with the notes of all its turns, each said once.

    A turn that came to nothing is forgotten once another got through.
    """
    last = turns[-1]
    forgotten = frozenset[str]() if last.outcome in _FRUITLESS else _FRUITLESS
    told = [turn for turn in turns if turn.outcome not in forgotten]
    notes = tuple(dict.fromkeys(note for turn in told for note in turn.notes))
    return AccountReport(
        last.account, "settled" if last.outcome == "idle" and notes else last.outcome, notes
    )
