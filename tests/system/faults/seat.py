"""Where a process sits in the run of one seed: its database, its exchange, and `Deps` over them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from pydantic import SecretStr

from broker.alpaca.market_data import AlpacaMarketData
from broker.alpaca.venue import AlpacaVenue
from broker.exchange.app import ExchangeAccount
from broker.models import VenueName
from config.market_calendar import xnys
from config.schema import AccountConfig, Config
from config.settings import AlpacaCredentials
from council.ports import Deps, Desk
from council.projections import project
from store.event_store import PostgresEventStore
from store.locks import Locks, PostgresLocks
from store.pool import open_pool
from tests.builders import make_config
from tests.fakes import FakeModels
from tests.system.faults.scaled_clock import ScaledClock
from tests.system.faults.scenario import ACCOUNTS

_SECRET = "play-money"  # not a secret: everybody has it


@dataclass(frozen=True)
class Seat:
    """All that a process must be told; can be sent to one."""

    seed: int
    dsn: str
    origin: str
    clock: ScaledClock
    patience_seconds: float
    """How long the exchange is waited for, in the machine's seconds."""
    locked: bool = True
    """Whether executors take turns by a lock."""

    @property
    def timeout_seconds(self) -> tuple[float, float]:
        """Return how long to wait for a connection, and for each part of an answer."""
        return 2 * self.patience_seconds, self.patience_seconds

    @property
    def deadline_seconds(self) -> float:
        """Return how long to wait for a whole answer."""
        return 2 * self.patience_seconds


class NoLocks:
    """Lets everybody in, as a database does that has lost its sessions."""

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[bool]:
        """Yield True to everyone."""
        yield True


def key_id(seed: int, account: str) -> str:
    """Return the key of a seed's account; the seed can be read from it."""
    return f"SIM{seed:06d}{account}"


def seed_of(key: str) -> int:
    """Return the seed of a key, -1 for one that is not ours."""
    digits = key.removeprefix("SIM")[:6]
    return int(digits) if digits.isdecimal() else -1


def account_number(seed: int, account: str) -> str:
    """Return the number under which the exchange knows a seed's account."""
    return f"PA{seed:06d}{ACCOUNTS.index(account):02d}"


def exchange_accounts(seed: int) -> tuple[ExchangeAccount, ...]:
    """Return the accounts of one seed as the exchange needs them."""
    return tuple(
        ExchangeAccount(key_id(seed, name), _SECRET, account_number(seed, name), Decimal(100_000))
        for name in ACCOUNTS
    )


def config_of(seed: int) -> Config:
    """Return the configuration with the seed's account numbers, for a clock that runs fast."""
    config = make_config()
    numbered = [
        one.model_copy(update={"account_number": account_number(seed, one.nickname)})
        for one in config.accounts
    ]
    # A few milliseconds on the machine are seconds on this clock.
    limits = config.risk.limits.model_copy(update={"clock_skew_seconds": 60.0})
    risk = config.risk.model_copy(update={"limits": limits})
    return config.model_copy(update={"accounts": tuple(numbered), "risk": risk})


def living(_name: str) -> None:
    """Pass a failpoint unharmed."""


@asynccontextmanager
async def seated(seat: Seat, *, failpoint: Callable[[str], None] = living) -> AsyncIterator[Deps]:
    """Open everything that trading needs and close it at the end."""
    async with AsyncExitStack() as stack:
        pool = await open_pool(seat.dsn, min_size=1, max_size=2, command_timeout_seconds=10)
        stack.push_async_callback(pool.close)
        desks = {account.nickname: _desk(account, seat, stack) for account in _accounts(seat)}
        yield Deps(
            config=config_of(seat.seed),
            clock=seat.clock,
            calendar=xnys(),
            store=PostgresEventStore(pool, project),
            locks=_locks(seat),
            models=FakeModels(),
            research={},
            desks=desks,
            market_data=desks[ACCOUNTS[0]].market_data,
            mode="rehearsal",
            always_open=True,
            failpoint=failpoint,
        )


def _accounts(seat: Seat) -> tuple[AccountConfig, ...]:
    return config_of(seat.seed).accounts


def _locks(seat: Seat) -> Locks:
    return PostgresLocks(seat.dsn) if seat.locked else NoLocks()


def _desk(account: AccountConfig, seat: Seat, stack: AsyncExitStack) -> Desk:
    credentials = AlpacaCredentials(key_id(seat.seed, account.nickname), SecretStr(_SECRET))
    venue = AlpacaVenue(
        nickname=account.nickname,
        account_number=account.account_number,
        credentials=credentials,
        trading_url=seat.origin,
        name=VenueName.SIMULATED,
        timeout_seconds=seat.timeout_seconds,
        deadline_seconds=seat.deadline_seconds,
    )
    market_data = AlpacaMarketData(
        credentials=credentials,
        data_url=seat.origin,
        source="synthetic",
        timeout_seconds=seat.timeout_seconds,
        deadline_seconds=seat.deadline_seconds,
    )
    stack.push_async_callback(venue.aclose)
    stack.push_async_callback(market_data.aclose)
    return Desk(account, venue, market_data)
