"""From the accounts' streams to what stands still, and from there to sentences: pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from council.codec import to_fact
from council.trade_facts import DriftDetected
from council.trading.account_guard import AccountGuard, fold_guard
from mcp_server.shapes import FreezeShape, HaltShape, StatusShape
from mcp_server.stop_shapes import AccountStopsShape, StopsShape
from store.events import StoredEvent


def account_stops(account: str, events: Iterable[StoredEvent]) -> AccountStopsShape:
    """Show what stands still in an account by those of `events` that are in its stream."""
    own = [event for event in events if event.stream == f"account-{account}"]
    guard = fold_guard(AccountGuard(), own)
    seen_at = {
        fact.number: event.timestamp
        for event in own
        if isinstance(fact := to_fact(event), DriftDetected)
    }
    return AccountStopsShape(
        account=account,
        halted=_halt_shape(guard),
        frozen=tuple(
            _freeze_shape(drift, seen_at[drift.number]) for _, drift in sorted(guard.frozen.items())
        ),
    )


def _halt_shape(guard: AccountGuard) -> HaltShape | None:
    fact, at = guard.halted, guard.halted_at
    if fact is None or at is None:
        return None
    return HaltShape(reason=fact.reason, by=fact.by, channel=fact.channel, at=at)


def _freeze_shape(drift: DriftDetected, at: datetime) -> FreezeShape:
    return FreezeShape(
        instrument=drift.symbol,
        expected=drift.expected,
        shown=drift.shown,
        reason=drift.reason,
        number=drift.number,
        at=at,
    )


def stop_sentences(stops: StopsShape) -> tuple[str, ...]:
    """Say what stands still, the widest first, each with what ends it; empty where all trade."""
    return (*file_sentences(stops), *halt_sentences(stops), *freeze_sentences(stops))


def file_sentences(stops: StopsShape) -> tuple[str, ...]:
    """Say that the halt file exists, and why."""
    if stops.halt_file is None:
        return ()
    return (
        f'The halt file halts every account ("{stops.halt_file}"): `council resume` removes it.',
    )


def halt_sentences(stops: StopsShape) -> tuple[str, ...]:
    """Say each halt once, with all the accounts that it holds; the file's own is said apart."""
    held: dict[tuple[str, str], list[str]] = {}
    for account in stops.accounts:
        halt = account.halted
        if halt and not (halt.channel == "file" and halt.reason == stops.halt_file):
            held.setdefault((halt.by, halt.reason), []).append(account.account)
    return tuple(
        f"Trading is halted for {_named(names, stops)} by {by}: "
        f'"{reason}". A person ends that with `council resume`.'
        for (by, reason), names in held.items()
    )


def _named(names: Sequence[str], stops: StopsShape) -> str:
    return "every account" if len(names) == len(stops.accounts) else ", ".join(names)


def freeze_sentences(stops: StopsShape) -> tuple[str, ...]:
    """Say what each account may not trade, with what its venue shows instead of the record."""
    return tuple(
        f"{account.account} may not trade {freeze.instrument}: the venue shows {freeze.shown:+}, "
        f"the record says {freeze.expected:+}; see `council drifts`."
        for account in stops.accounts
        for freeze in account.frozen
    )


def stops_of(status: StatusShape) -> StopsShape:
    """Return what of a status is about standing still."""
    return StopsShape(
        accounts=tuple(
            AccountStopsShape(account=own.account, halted=own.halted, frozen=own.frozen)
            for own in status.accounts
        ),
        halt_file=status.halt_file,
    )
