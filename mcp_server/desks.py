"""The trading floor: every account's venue, the simulated exchange for those without a key, prices.

What can be seen to be wrong without asking (a live host, a key that is not a paper key) stops the
program. A key that two accounts share, and what a venue answers about one account, refuses those
accounts, by name, and the others go on.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from pydantic import SecretStr
from starlette.applications import Starlette

from broker.accounts import (
    MARKET_DATA_URL,
    checked_data_url,
    checked_key_id,
    checked_trading_url,
    is_loopback,
)
from broker.alpaca.market_data import AlpacaMarketData
from broker.alpaca.updates import TradeUpdates
from broker.alpaca.venue import AlpacaVenue
from broker.exchange.app import ExchangeAccount, create_exchange
from broker.exchange.prices import PriceSource, SyntheticPrices
from broker.exchange.server import running_exchange
from broker.ports import MarketData
from config.clock import SystemClock
from config.errors import CredentialsError, UnreachableError
from config.ids import random_id
from config.schema import AccountConfig
from config.settings import AlpacaCredentials, Settings
from council.ports import Desk
from mcp_server.wiring import DEFAULT_SEED, App

STARTING_CASH_USD = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class Floor:
    """Every usable account's desk, the refused ones with the reason, and the week's market data."""

    desks: dict[str, Desk]
    refused: dict[str, str]
    market_data: MarketData
    prices: str
    """Where the simulated exchange's prices come from, in words."""


@asynccontextmanager
async def opened_floor(
    app: App, prices: PriceSource | None = None, *, is_alone: bool = False
) -> AsyncIterator[Floor]:
    """Open a venue for every account and close all at the end.

    With `is_alone` no other process may serve the simulated exchange's accounts.

    Raises:
        RefusedError: an address is not Alpaca's paper host and not loopback.
        CredentialsError: a key cannot be a paper key.
    """
    settings = app.settings
    checked_trading_url(settings.alpaca_trading_url)
    checked_data_url(settings.alpaca_data_url)
    shared = _shared_keys(app)
    for nickname in app.standing.with_keys:
        if nickname in shared:
            continue
        credentials = settings.alpaca_credentials(nickname)
        if credentials is not None:
            checked_key_id(credentials.key_id, nickname, app.standing.keyed_venue)
    async with AsyncExitStack() as stack:
        source = prices
        if source is None:
            source = await asyncio.to_thread(SyntheticPrices, DEFAULT_SEED)
        keys = _simulated_keys(app)
        exchange = _exchange(app, source, keys, is_alone=is_alone)
        url = await stack.enter_async_context(running_exchange(exchange)) if keys else None
        desks: list[Desk] = []
        stack.push_async_callback(_close_all, desks)
        desks += [
            _desk(app, account, keys, exchange=(source, url))
            for account in _accounts(app)
            if account.nickname not in shared
        ]
        if not desks:
            raise CredentialsError(next(iter(shared.values())))
        refused = {**shared, **await _refusals(desks, app.standing.with_keys)}
        usable = {d.account.nickname: d for d in desks if d.account.nickname not in refused}
        market_data = _market_data(desks, app.standing.with_keys)
        yield Floor(usable, refused, market_data, prices_words(source))


def prices_words(source: PriceSource) -> str:
    """Return where simulated prices come from, for a sentence."""
    kind, _, name = source.source.partition(":")
    return f"the prices of {name}" if kind == "file" else "synthetic prices"


def _accounts(app: App) -> tuple[AccountConfig, ...]:
    return app.deps.config.accounts


def _shared_keys(app: App) -> dict[str, str]:
    """Return, by nickname, why accounts are refused whose key another account has too."""
    problems = {name: app.settings.shared_key(name) for name in app.standing.with_keys}
    return {name: why for name, why in problems.items() if why is not None}


def _simulated_keys(app: App) -> dict[str, AlpacaCredentials]:
    """Make keys for the accounts without Alpaca's, good for this process's exchange only."""
    return {
        name: AlpacaCredentials(f"SIM{name}", SecretStr(random_id().hex))
        for name in app.standing.simulated
    }


def _exchange(
    app: App, source: PriceSource, keys: Mapping[str, AlpacaCredentials], *, is_alone: bool
) -> Starlette:
    """Return the simulated exchange of those accounts that have `keys` to it."""
    numbers = {account.nickname: account.account_number for account in _accounts(app)}
    return create_exchange(
        pool=app.pool,
        prices=source,
        clock=app.deps.clock,
        accounts=[
            ExchangeAccount(
                key_id=key.key_id,
                secret_key=key.secret_key.get_secret_value(),
                account_number=numbers[name],
                starting_cash_usd=STARTING_CASH_USD,
            )
            for name, key in keys.items()
        ],
        hours=app.settings.council_exchange_hours,
        is_alone=is_alone,
    )


def _desk(
    app: App,
    account: AccountConfig,
    keys: Mapping[str, AlpacaCredentials],
    *,
    exchange: tuple[PriceSource, str | None],
) -> Desk:
    """Seat an account at Alpaca with its own key, else at the exchange, each with its prices."""
    settings, nickname = app.settings, account.nickname
    source, url = exchange
    simulated = keys.get(nickname)
    credentials = simulated or settings.alpaca_credentials(nickname)
    if credentials is None:
        raise CredentialsError(f"Account {nickname} has neither a key nor a simulated venue.")
    data_url = url if simulated and url else _keyed_data_url(settings)
    trading_url = url if simulated and url else settings.alpaca_trading_url
    venue = AlpacaVenue(
        nickname=nickname,
        account_number=account.account_number,
        credentials=credentials,
        trading_url=trading_url,
        name=app.standing.venue_of(nickname),
        clock=app.deps.clock,
        updates=_updates(app, nickname, credentials, trading_url=trading_url),
    )
    market_data = AlpacaMarketData(
        credentials=credentials,
        data_url=data_url,
        source=source.source if simulated else _source_at(data_url),
    )
    return Desk(account, venue, market_data)


def _updates(
    app: App, nickname: str, credentials: AlpacaCredentials, *, trading_url: str
) -> TradeUpdates | None:
    """Return the stream that hints at changes; none where time is not the machine's own.

    On a virtual clock waiting takes no time, so there is nothing to shorten.
    """
    if not isinstance(app.deps.clock, SystemClock):
        return None
    return TradeUpdates(
        nickname=nickname, credentials=credentials, trading_url=trading_url, clock=app.deps.clock
    )


async def _close_all(desks: list[Desk]) -> None:
    """Close every connection at the same time, so that hanging ones are waited for together."""
    opened = [part for desk in desks for part in (desk.venue, desk.market_data)]
    closable = [part for part in opened if isinstance(part, AlpacaVenue | AlpacaMarketData)]
    await asyncio.gather(*(part.aclose() for part in closable))


def _keyed_data_url(settings: Settings) -> str:
    """Return where accounts with keys get prices: an exchange on this machine serves its own."""
    asked, trading = settings.alpaca_data_url, settings.alpaca_trading_url
    return trading if asked == MARKET_DATA_URL and is_loopback(trading) else asked


def _source_at(data_url: str) -> str:
    """Return the name of the prices at a checked address."""
    return f"exchange at {data_url}" if is_loopback(data_url) else "alpaca"


async def _refusals(desks: list[Desk], with_keys: tuple[str, ...]) -> dict[str, str]:
    """Ask every real venue at once who its account is; an answer that does not fit refuses it."""
    asked = [desk for desk in desks if desk.account.nickname in with_keys]
    found = await asyncio.gather(*(_refusal(desk) for desk in asked))
    return {
        desk.account.nickname: why
        for desk, why in zip(asked, found, strict=True)
        if why is not None
    }


async def _refusal(desk: Desk) -> str | None:
    try:
        await desk.venue.account()
    except CredentialsError as error:
        return str(error)
    except UnreachableError:
        # A venue that is away is told by the stage that needs it; its account is not at fault.
        return None
    return None


def _market_data(desks: list[Desk], with_keys: tuple[str, ...]) -> MarketData:
    """Return Alpaca's prices where any account has a key, else the exchange's."""
    real = [desk.market_data for desk in desks if desk.account.nickname in with_keys]
    return (real or [desk.market_data for desk in desks])[0]
