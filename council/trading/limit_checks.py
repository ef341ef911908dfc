"""The limits of `risk.yaml` for the order at hand, from what the venue and the record show."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from broker.models import Account
from config.clock import NEW_YORK
from config.schema import RiskLimits
from council.model.ticket import TicketLeg
from council.risk.limits import Exposure, OrderAsk, breach, daily_loss_breach
from council.trade_facts import TradingHalted
from council.trading.account_guard import AccountGuard
from council.trading.account_legs import AccountLegs
from council.trading.checks import Objection, Standing, middle
from council.trading.halts import EXECUTOR, halted_fact
from council.trading.history import instruments_entered, shares_traded

BY_LIMIT: Final = "limit"


@dataclass(frozen=True, slots=True)
class Moment:
    """When the limits are asked, of which account and week, and whether quotes are allowed to age.

    `ageless` is for an exchange that trades while no market makes prices.
    """

    now: datetime
    account: str
    week_id: str
    ageless: bool


def limit_objection(
    line: TicketLeg, standing: Standing, legs: AccountLegs, *, limits: RiskLimits, moment: Moment
) -> Objection | None:
    """Return the first limit that speaks against sending `line` now, or None."""
    if standing.quote is None:
        return Objection(f"no quote for {line.symbol}", is_final=False)
    age = timedelta(0) if moment.ageless else moment.now - standing.quote.at
    asked = OrderAsk(line.symbol, line.side, line.quantity, middle(standing.quote))
    today = _day(moment.now)
    exposure = Exposure(
        equity_usd=standing.account.equity,
        positions=standing.holdings,
        shares_today=shares_traded(legs.sent_on(today), today),
        entered=instruments_entered(legs.of_week(moment.week_id), moment.week_id),
        quote_age=age,
        clock_skew=standing.skew,
    )
    broken = breach(asked, exposure, limits)
    if broken is None:
        return None
    return Objection(broken.reason, is_final=broken.is_final, ends=broken.is_final)


def daily_loss_halt(
    account: Account, guard: AccountGuard, *, limits: RiskLimits, moment: Moment
) -> TradingHalted | None:
    """Return the halt of an account that lost too much today, once a New York day."""
    broken = daily_loss_breach(account.equity, account.last_equity, limits)
    if broken is None or not broken.is_final or guard.halted is not None:
        return None
    days = {_day(at) for at, halt in guard.halts if halt.channel == BY_LIMIT}
    if _day(moment.now) in days:  # a person resumed it and knows
        return None
    return halted_fact(
        guard,
        moment.account,
        reason=broken.reason,
        by=EXECUTOR,
        channel=BY_LIMIT,
        at=moment.now,
    )


def _day(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()
