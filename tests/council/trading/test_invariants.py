"""The judge of the fault runs can find everything guilty that it is there to find."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from broker.models import Order, OrderStatus
from council.model.base import Direction
from council.ports import Deps
from council.trade_facts import (
    LegClosed,
    LegIntended,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
)
from tests.council.trading.faults import run
from tests.council.trading.invariants import AccountRecord, Told, told_in, violations
from tests.council.trading.scenes import ACCOUNT, approved, venue_of
from tests.fakes import make_deps

MINUTE = timedelta(minutes=1)


async def flipped() -> AccountRecord:
    """Return the record of a flip from 120 SPY to short, at a venue with the log's clock."""
    deps = make_deps()
    venue_of(deps).held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT)
    await run(deps)
    return AccountRecord(
        account=ACCOUNT,
        orders=_on_the_log_s_clock(deps),
        positions=dict(venue_of(deps).held),
        told=await told_in(deps, f"account-{ACCOUNT}"),
        trades={ticket.trade_id: await told_in(deps, f"trade-{ticket.trade_id}")},
    )


def _on_the_log_s_clock(deps: Deps) -> tuple[Order, ...]:
    """Let the fake's two orders arrive at the end of the run, one after the other."""
    first, second = venue_of(deps).orders.values()
    now = deps.clock.now()
    return (
        replace(first, submitted_at=now, filled_at=now),
        replace(second, submitted_at=now + MINUTE, filled_at=now + MINUTE),
    )


async def test_a_faultless_record_is_innocent() -> None:
    assert violations(await flipped()) == ()


def _ordered_twice(record: AccountRecord) -> AccountRecord:
    again = replace(record.orders[0], order_id="another")
    return replace(record, orders=(*record.orders, again))


def _more_than_approved(record: AccountRecord) -> AccountRecord:
    first, second = record.orders
    return replace(record, orders=(first, replace(second, filled_quantity=Decimal(10_000))))


def _not_intended(record: AccountRecord) -> AccountRecord:
    return replace(record, told=_without(record, LegIntended))


def _too_early(record: AccountRecord) -> AccountRecord:
    first, second = record.orders
    early = replace(first, submitted_at=first.submitted_at - timedelta(days=1))
    return replace(record, orders=(early, second))


def _another_body(record: AccountRecord) -> AccountRecord:
    first, second = record.orders
    return replace(record, orders=(replace(first, symbol="QQQ"), second))


def _not_over(record: AccountRecord) -> AccountRecord:
    return _with_trade(record, lambda told: told[:-1])


def _off_target(record: AccountRecord) -> AccountRecord:
    def missed(told: tuple[Told, ...]) -> tuple[Told, ...]:
        ending = told[-1].fact
        assert isinstance(ending, TradeCompleted)
        return (*told[:-1], replace(told[-1], fact=ending.model_copy(update=_ELSEWHERE)))

    return _with_trade(record, missed)


_ELSEWHERE = {"position_quantity": 7}


def _another_position(record: AccountRecord) -> AccountRecord:
    return replace(record, positions={"SPY": 3})


def _not_approved(record: AccountRecord) -> AccountRecord:
    return _with_trade(
        record, lambda told: tuple(one for one in told if not isinstance(one.fact, TradeApproved))
    )


def _expired(record: AccountRecord) -> AccountRecord:
    def ended(told: tuple[Told, ...]) -> tuple[Told, ...]:
        ending = told[-1].fact
        assert isinstance(ending, TradeCompleted)
        expired = TradeExpired(
            week_id=ending.week_id,
            trade_id=ending.trade_id,
            account=ending.account,
            expired_at=told[-1].at,
        )
        return (*told[:-1], replace(told[-1], fact=expired))

    return _with_trade(record, ended)


def _never_closed(record: AccountRecord) -> AccountRecord:
    return replace(record, told=_without(record, LegClosed))


def _other_fills(record: AccountRecord) -> AccountRecord:
    first, second = record.orders
    return replace(record, orders=(first, replace(second, filled_quantity=Decimal(1))))


def _other_price(record: AccountRecord) -> AccountRecord:
    first, second = record.orders
    return replace(record, orders=(first, replace(second, average_fill_price=Decimal(1))))


def _still_working(record: AccountRecord) -> AccountRecord:
    first, second = record.orders
    return replace(record, orders=(first, replace(second, status=OrderStatus.PARTIALLY_FILLED)))


def _closed_afterwards(record: AccountRecord) -> AccountRecord:
    first, second = record.orders
    return replace(record, orders=(replace(first, filled_at=second.submitted_at + MINUTE), second))


def _closing_unfilled(record: AccountRecord) -> AccountRecord:
    first, second = record.orders
    return replace(record, orders=(replace(first, filled_at=None), second))


@pytest.mark.parametrize(
    ("crime", "charge"),
    [
        (_ordered_twice, "I1: ordered twice"),
        (_more_than_approved, "I1: trade"),
        (_not_intended, "I2: order"),
        (_too_early, "I2: order"),
        (_another_body, "I2: order"),
        (_not_over, "I3: trade"),
        (_off_target, "I3: trade"),
        (_another_position, "I3: the venue holds 3 SPY"),
        (_not_approved, "I4: order"),
        (_expired, "I4: order"),
        (_never_closed, "I5: order"),
        (_other_fills, "I5: order"),
        (_other_price, "I5: order"),
        (_still_working, "I5: order"),
        (_closed_afterwards, "I6: order"),
        (_closing_unfilled, "I6: order"),
    ],
)
async def test_what_breaks_a_rule_is_named(
    crime: Callable[[AccountRecord], AccountRecord], charge: str
) -> None:
    found = violations(crime(await flipped()))

    assert any(one.startswith(f"{ACCOUNT}: {charge}") for one in found)


def _without(record: AccountRecord, kind: type[LegIntended] | type[LegClosed]) -> tuple[Told, ...]:
    return tuple(one for one in record.told if not isinstance(one.fact, kind))


def _with_trade(
    record: AccountRecord, change: Callable[[tuple[Told, ...]], tuple[Told, ...]]
) -> AccountRecord:
    trades = {trade_id: change(told) for trade_id, told in record.trades.items()}
    return replace(record, trades=trades)
