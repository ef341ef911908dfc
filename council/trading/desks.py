"""What an account holds and what its instrument costs, asked of its venue at this moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from broker.errors import AccountMismatch
from broker.models import Account, MarketClock, Position, Quote
from config.clock import Clock
from council.errors import NoPrice
from council.parallel import meanwhile
from council.ports import Desk
from council.trading.checks import Standing, middle, skew, whole_positions
from council.trading.tickets import Holdings


@dataclass(frozen=True, slots=True)
class Floor:
    """What trading an instrument looks like now: its quote, if any, and the venue's clock."""

    quote: Quote | None
    market: MarketClock
    skew: timedelta


async def look(desk: Desk, instrument: str, clock: Clock) -> Standing:
    """Ask the venue at once for the account, its positions, its clock, a quote of `instrument`.

    `clock` is our own, for how far the venue's is from it.

    Raises:
        VenueUnreachable: the venue did not answer.
        AccountMismatch: the key belongs to another account.
    """
    async with (
        meanwhile(look_at_floor(desk, instrument, clock)) as looking,
        meanwhile(desk.venue.positions()) as listing,
    ):
        account = await own_account(desk)
        return standing_of(desk, account, await listing, await looking)


async def look_at_floor(desk: Desk, instrument: str, clock: Clock) -> Floor:
    """Ask for what `look` asks beside the account.

    Raises:
        VenueUnreachable: the venue did not answer.
    """
    async with meanwhile(desk.market_data.latest_quotes([instrument])) as quoting:
        asked_at = clock.now()
        market = await desk.venue.clock()
        apart = skew(market.at, asked_at, clock.now())
        return Floor((await quoting).get(instrument), market, apart)


def standing_of(
    desk: Desk, account: Account, holdings: tuple[Position, ...], floor: Floor
) -> Standing:
    """Put together what was asked for at about the same moment."""
    return Standing(
        venue=desk.venue.name,
        account=account,
        holdings=holdings,
        positions=whole_positions(holdings),
        quote=floor.quote,
        market=floor.market,
        skew=floor.skew,
    )


async def holdings_now(desk: Desk, instrument: str) -> Holdings:
    """Ask the venue for all that a ticket on `instrument` starts from.

    Raises:
        NoPrice: nobody quotes the instrument.
        VenueUnreachable: the venue did not answer.
        AccountMismatch: the key belongs to another account.
    """
    quotes = await desk.market_data.latest_quotes([instrument])
    account = await own_account(desk)
    positions = whole_positions(await desk.venue.positions())
    return _holdings(desk, account, positions, price=price_of(quotes, instrument))


def price_of(quotes: Mapping[str, Quote], instrument: str) -> Decimal:
    """Return the price halfway between the quote's sides.

    Raises:
        NoPrice: nobody quotes the instrument.
    """
    quote = quotes.get(instrument)
    if quote is None or middle(quote) <= 0:
        raise NoPrice(f"there is no quote for {instrument}")
    return middle(quote)


async def own_account(desk: Desk) -> Account:
    """Return the desk's account as its venue describes it.

    Raises:
        AccountMismatch: the key belongs to another account.
    """
    account, expected = await desk.venue.account(), desk.account.account_number
    if account.account_number != expected:
        raise AccountMismatch(
            f"{desk.account.nickname} does not trade: its venue answers as account "
            f"{account.account_number}, and accounts.yaml says {expected}."
        )
    return account


def holdings_of(desk: Desk, standing: Standing, instrument: str) -> Holdings:
    """Return what a ticket on `instrument` starts from.

    Raises:
        NoPrice: nobody quotes the instrument.
    """
    quotes = {} if standing.quote is None else {instrument: standing.quote}
    price = price_of(quotes, instrument)
    return _holdings(desk, standing.account, standing.positions, price=price)


def _holdings(
    desk: Desk, account: Account, positions: Mapping[str, int], *, price: Decimal
) -> Holdings:
    return Holdings(
        account=desk.account.nickname,
        account_number=desk.account.account_number,
        venue=desk.venue.name,
        equity_usd=account.equity,
        positions=positions,
        price=price,
    )
