"""The doctor's checks of each account at its venue, of the clocks, and of how fresh prices are."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from broker.models import Account, VenueName
from config.errors import CouncilError
from config.schema import RiskLimits
from council.ports import Desk
from mcp_server.shapes import CheckShape
from mcp_server.wiring import App

LONGEST_LOOK: Final = timedelta(seconds=15)


async def of_venues(app: App) -> AsyncIterator[CheckShape]:
    """Yield a line for every account, each asked at the same time, then for clocks and prices."""
    names = [account.nickname for account in app.deps.config.accounts]
    found = await asyncio.gather(*(_account(app, name) for name in names))
    for check, _ in found:
        yield check
    for check in clocks({name: skew for name, (_, skew) in zip(names, found, strict=True)}, app):
        yield check
    yield await prices(app)


async def _account(app: App, name: str) -> tuple[CheckShape, timedelta | None]:
    desk = app.deps.desks.get(name)
    if desk is None:
        return _away(name, app.deps.refused_accounts.get(name, "it was refused")), None
    try:
        async with asyncio.timeout(LONGEST_LOOK.total_seconds()):
            return await looked(app, desk)
    except CouncilError as error:
        return _away(name, str(error)), None
    except TimeoutError:
        seconds = LONGEST_LOOK.total_seconds()
        return _away(name, f"The venue did not answer within {seconds:.0f} s."), None


def _away(name: str, problem: str) -> CheckShape:
    mend = f"Set ALPACA_{name}_KEY_ID and _SECRET_KEY to that paper account's key."
    return CheckShape(check=f"venue {name}", result="fail", message=problem, mend=mend)


async def looked(app: App, desk: Desk) -> tuple[CheckShape, timedelta]:
    """Look at one account; returns too how far its venue's clock is from this machine's.

    An account is pointed at where it cannot do what the council may ask of it.

    Raises:
        CouncilError: the venue cannot be asked, or refuses the account.
    """
    account, clock = await desk.venue.account(), await desk.venue.clock()
    name, limits = desk.account.nickname, app.deps.config.risk.limits
    skew = abs(clock.at - app.deps.clock.now())
    problem, mend = _hindrance(account, limits, name)
    shorts = "shorts" if account.shorting_enabled else "no shorts"
    message = (
        f"{desk.venue.name} at {_host(app, desk)}, account {account.account_number}, "
        f"{account.equity:,.2f} USD, buying power {account.buying_power:,.2f}, {shorts}"
    )
    found = CheckShape(
        check=f"venue {name}",
        result="warn" if problem else "ok",
        message=f"{message}: {problem}" if problem else message,
        mend=mend or None,
    )
    return found, skew


def _hindrance(account: Account, limits: RiskLimits, name: str) -> tuple[str, str]:
    if account.trading_blocked:
        return "trading is blocked", "Look at the account at Alpaca; it says why."
    if account.buying_power <= 0:
        return "nothing can be bought", f"Reset the paper account of {name} at Alpaca."
    if not account.shorting_enabled:
        return "a SHORT would be refused", "Enable shorting for the account at Alpaca."
    if account.equity < limits.short_minimum_equity_usd:
        return "too little equity for a SHORT", f"Reset the paper account of {name} at Alpaca."
    return "", ""


def clocks(skews: Mapping[str, timedelta | None], app: App) -> Iterator[CheckShape]:
    """Compare the venues' clocks with this machine's: an order's time rests on both."""
    most = app.deps.config.risk.limits.clock_skew_seconds
    known = {name: skew.total_seconds() for name, skew in skews.items() if skew is not None}
    off = [name for name, seconds in known.items() if seconds > most]
    for name in off:
        yield CheckShape(
            check="clock",
            result="fail",
            message=f"{known[name]:.1f} s between the clock of {name}'s venue and this machine's: "
            "no order is sent",
            mend="Set this machine's clock: `timedatectl set-ntp true`.",
        )
    if known and not off:
        message = f"at most {max(known.values()):.1f} s from the clocks of the venues"
        yield CheckShape(check="clock", result="ok", message=message)


def _host(app: App, desk: Desk) -> str:
    if desk.venue.name is VenueName.SIMULATED:
        return "this machine"
    return urlsplit(app.settings.alpaca_trading_url).hostname or "an unknown host"


async def prices(app: App) -> CheckShape:
    """Check that every instrument has a quote, and that none is older than the market's last close.

    While the market is open a quote may be as old as an order would let it be.
    """
    deps, universe = app.deps, app.deps.config.universe
    check, mend = "market data", "Look at ALPACA_DATA_URL, and at Alpaca's status page."
    try:
        async with asyncio.timeout(LONGEST_LOOK.total_seconds()):
            quotes = await deps.market_data.latest_quotes(universe)
    except (CouncilError, TimeoutError) as error:
        message = str(error) or "no answer in time"
        return CheckShape(check=check, result="fail", message=message, mend=mend)
    missing = [symbol for symbol in universe if symbol not in quotes]
    if missing:
        message = f"{deps.market_data.source} has no quote for {', '.join(missing)}"
        mend = "Take them out of assets.yaml, or take another source of prices."
        return CheckShape(check=check, result="warn", message=message, mend=mend)
    return _freshness(app, min(quote.at for quote in quotes.values()))


def _freshness(app: App, oldest_at: datetime) -> CheckShape:
    deps, now = app.deps, app.deps.clock.now()
    is_open = deps.calendar.open_session(now) is not None
    longest = timedelta(seconds=deps.config.risk.limits.quote_age_seconds)
    since = now - longest if is_open else deps.calendar.last_closed(now).open_at
    is_old = oldest_at < since
    said = f"{deps.market_data.source}, the oldest quote is of {oldest_at:%Y-%m-%d %H:%M} UTC"
    return CheckShape(
        check="market data",
        result="warn" if is_old else "ok",
        message=said + (": an order would be refused" if is_old and is_open else ""),
        mend="Wait for the market to trade it, or look at the source of prices.",
    )
