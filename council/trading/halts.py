"""Stopping and going on: trading is halted by anyone, and resumed by a person only.

A halt is a fact in the stream of each account, so that whoever is about to write an order there has
seen it. Halting needs the store alone: no venue, no calendar, no model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from config.errors import RefusedError, UsageError
from config.weeks import week_id_at
from council.errors import AccountHalted, Overtaken
from council.parallel import all_at_once
from council.ports import Deps
from council.trade_facts import DriftAccepted, HaltChannel, TradingHalted, TradingResumed
from council.trading.account_guard import AccountGuard, load_guard
from council.trading.approvals import Decider
from council.trading.journal import record
from council.untrusted import clean_text

RESUMING: Final = "resumes trading"
NO_REASON: Final = "no reason was given"
EXECUTOR: Final = "executor"
"""Who halts an account by itself: for a limit, or for an order that cannot be ours."""
LONGEST_REASON: Final = 500
"""Characters of a reason that are kept."""

_PERSONS: Final = frozenset({"cli", "web"})
_TRIES: Final = 50
"""An account whose orders are under way is written to several times a second."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """One account's halt as it stands; `is_new` where this call wrote it."""

    account: str
    fact: TradingHalted
    at: datetime
    is_new: bool


@dataclass(frozen=True, slots=True)
class Resumed:
    """One account that may trade now; `ended` is the halt that was in force, if one was."""

    account: str
    ended: TradingHalted | None


def halted_fact(
    guard: AccountGuard,
    account: str,
    *,
    reason: str,
    by: str,
    channel: HaltChannel,
    at: datetime,
    cancel_orders: bool = True,
) -> TradingHalted:
    """Return the next halt of the account, as of `at`; `guard` is what its stream says so far."""
    return TradingHalted(
        week_id=week_id_at(at),
        account=account,
        number=len(guard.halts) + 1,
        reason=one_line(reason) or NO_REASON,
        by=by,
        channel=channel,
        cancel_orders=cancel_orders,
    )


def one_line(reason: str) -> str:
    """Return a reason without control characters, on one line, cut to `LONGEST_REASON`."""
    return " ".join(clean_text(reason[: 2 * LONGEST_REASON]).split())[:LONGEST_REASON]


async def halt(
    deps: Deps,
    accounts: Sequence[str] | None = None,
    *,
    reason: str,
    by: str,
    channel: HaltChannel,
    cancel_orders: bool = True,
) -> tuple[Stopped, ...]:
    """Halt `accounts` (nicknames; None: all of accounts.yaml) at once, all or none.

    An account that is halted already keeps the halt that it has.

    Raises:
        UsageError: a nickname is unknown.
        Overtaken: others kept halting and resuming the accounts.
    """
    names = chosen_accounts(deps, accounts)
    written = partial(
        halted_fact, reason=reason, by=by, channel=channel, cancel_orders=cancel_orders
    )
    wanted: dict[str, TradingHalted] = {}
    for _ in range(_TRIES):
        guards, at = await _guards(deps, names), deps.clock.now()
        trading = [name for name in names if guards[name].halted is None]
        halts = {name: written(guards[name], name, at=at) for name in trading}
        wanted |= halts
        # At whatever version: orders under way must not keep a halt out, only another halt may.
        if await _stored(deps, tuple(halts.values()), {}):
            return tuple(_stopped(name, guards[name], halts, wanted, at=at) for name in names)
    raise Overtaken("Trading is NOT halted: the accounts keep changing, so try again at once.")


async def resume(
    deps: Deps, accounts: Sequence[str] | None = None, *, decider: Decider
) -> tuple[Resumed, ...]:
    """End the halt of `accounts` (nicknames; None: all of accounts.yaml), all or none.

    Raises:
        RefusedError: the channel is not a person's own, or the halt file still asks for a halt.
        UsageError: a nickname is unknown.
        Overtaken: the accounts' streams kept moving.
    """
    check_person(decider, RESUMING)
    names = chosen_accounts(deps, accounts)
    if (asked := deps.halt_wanted()) is not None:
        raise RefusedError(f"Not resumed: the halt file still asks for a halt ({asked}).")
    ended: dict[str, TradingHalted] = {}
    for _ in range(_TRIES):
        guards = await _guards(deps, names)
        halts = {name: fact for name in names if (fact := guards[name].halted) is not None}
        _check_none_is_newer(halts, ended)
        ended |= halts
        facts = [_resumed_fact(fact, decider, deps.clock.now()) for fact in halts.values()]
        if await _stored(deps, facts, guards):
            return tuple(Resumed(name, ended.get(name)) for name in names)
    raise Overtaken("Trading is NOT resumed: the accounts keep changing, so try again.")


async def accept_drift(
    deps: Deps, account: str, symbol: str, *, decider: Decider, number: int | None = None
) -> DriftAccepted:
    """Take the position in `symbol` as the account's newest open drift showed it.

    `number` is that of the drift which the person looked at; None means whichever is open now.

    Raises:
        RefusedError: the channel is not a person's own, or the drift is no longer the one shown.
        UsageError: the account is unknown, or the instrument is not frozen for it.
        Overtaken: the account's stream kept moving.
    """
    check_person(decider, "accepts a drift")
    (name,) = chosen_accounts(deps, [account])
    for _ in range(_TRIES):
        guard = await load_guard(deps.store, name)
        fact = _accepted_fact(guard, name, symbol, decider=decider, at=deps.clock.now())
        if number not in {None, fact.number}:
            raise RefusedError(
                f"Not accepted: the venue shows {fact.quantity} {fact.symbol} for {name} by now; "
                "look at `council drifts` again."
            )
        number = fact.number
        if await _stored(deps, [fact], {name: guard}):
            return fact
    raise Overtaken(f"The drift is NOT accepted: {name} keeps changing, so try again.")


def chosen_accounts(deps: Deps, accounts: Sequence[str] | None) -> tuple[str, ...]:
    """Return the accounts meant, each once: all of accounts.yaml where none is named.

    Raises:
        UsageError: a nickname is unknown.
    """
    known = [account.nickname for account in deps.config.accounts]
    named = dict.fromkeys(name.strip().upper() for name in accounts or known)
    if unknown := [name for name in named if name not in known]:
        raise UsageError(
            f"No account is called {', '.join(unknown)}: choose from {', '.join(known)}."
        )
    return tuple(named)


def check_person(decider: Decider, deed: str) -> None:
    """Refuse a channel that is not a person's own; `deed` says what only a person does.

    Raises:
        RefusedError: naming where a person does it.
    """
    if decider.channel not in _PERSONS:
        raise RefusedError(
            f"Only a person {deed}, in the terminal or on the web page; nothing was changed."
        )


async def _guards(deps: Deps, names: Sequence[str]) -> dict[str, AccountGuard]:
    guards = await all_at_once([load_guard(deps.store, name) for name in names])
    return dict(zip(names, guards, strict=True))


async def _stored(
    deps: Deps,
    facts: Sequence[TradingHalted | TradingResumed | DriftAccepted],
    guards: Mapping[str, AccountGuard],
) -> bool:
    """Store `facts`, each at the version of its guard where `guards` has one; whether they are."""
    if not facts:
        return True
    versions = {
        fact.stream: guards[fact.account].version for fact in facts if fact.account in guards
    }
    try:
        await record(deps, facts, versions)
    except Overtaken:
        return False
    return True


def _stopped(
    name: str,
    guard: AccountGuard,
    halts: Mapping[str, TradingHalted],
    wanted: Mapping[str, TradingHalted],
    *,
    at: datetime,
) -> Stopped:
    """Tell the account's halt: the one just written, or the one that `guard` has."""
    if guard.halted is None or guard.halted_at is None:
        return Stopped(name, halts[name], at, is_new=True)
    # An earlier try may have got through in part, where another halt won for one account only.
    return Stopped(name, guard.halted, guard.halted_at, is_new=wanted.get(name) == guard.halted)


def _check_none_is_newer(
    halts: Mapping[str, TradingHalted], seen: Mapping[str, TradingHalted]
) -> None:
    """Refuse to end a halt that came after the ones to be ended."""
    for name, fact in halts.items():
        if name in seen and seen[name] != fact:
            raise AccountHalted(
                f"Not resumed: {name} was halted again by {fact.by} meanwhile: {fact.reason}."
            )


def _resumed_fact(halted: TradingHalted, decider: Decider, at: datetime) -> TradingResumed:
    return TradingResumed(
        week_id=week_id_at(at),
        account=halted.account,
        number=halted.number,
        by=decider.name,
        channel=decider.channel,
    )


def _accepted_fact(
    guard: AccountGuard, account: str, symbol: str, *, decider: Decider, at: datetime
) -> DriftAccepted:
    drift = guard.frozen.get(symbol.strip().upper())
    if drift is None:
        frozen = ", ".join(sorted(guard.frozen)) or "nothing"
        raise UsageError(f"{account} has no drift in {symbol} to accept; frozen for it: {frozen}.")
    return DriftAccepted(
        week_id=week_id_at(at),
        account=account,
        number=drift.number,
        symbol=drift.symbol,
        quantity=drift.shown,
        approver=decider.name,
        channel=decider.channel,
    )
