"""Where the processes of the chaos hour sit: at which database and exchange, with what `Deps`."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from broker.alpaca.market_data import AlpacaMarketData
from broker.alpaca.venue import AlpacaVenue
from broker.exchange.app import ExchangeAccount
from broker.models import VenueName
from config.loader import load_config
from config.schema import AccountConfig
from config.settings import AlpacaCredentials, Settings, load_settings
from council.ports import Deps, Desk
from council.projections import ROWLESS, project
from mcp_server.wiring import Terms, assembled
from store.event_store import PostgresEventStore
from store.events import StoredEvent, StreamWrite
from store.pool import StorePool
from tests.chaos.clock import SharedClock

SECRET: Final = "play-money"  # not a secret: everybody has it
SHORT_PATIENCE_SECONDS: Final = 0.4
"""How long executors wait for the exchange, in the machine's seconds."""
_ACKNOWLEDGED: Final = "acknowledged"
_MOST_SKEW_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Place:
    """All that a process must be told; can be sent to one."""

    home: Path
    dsn: str
    clock: SharedClock
    faulty_origin: str
    clean_origin: str

    def settings(self) -> Settings:
        """Return the settings of a process that talks to the exchange over the clean wire."""
        keys = {
            f"ALPACA_{account.nickname}_{half}": value
            for account in accounts()
            for half, value in (("KEY_ID", key_id(account)), ("SECRET_KEY", SECRET))
        }
        here = {
            "COUNCIL_HOME": str(self.home),
            "COUNCIL_MODE": "rehearsal",
            "ALPACA_TRADING_URL": self.clean_origin,
        }
        return load_settings({**keys, **here}, directory=self.home)

    def acknowledged(self) -> dict[int, str]:
        """Return the id of every event that any process was told to be stored, by position."""
        path = self.home / _ACKNOWLEDGED
        lines = path.read_text().splitlines() if path.exists() else []
        return {int(position): event_id for position, event_id in map(str.split, lines)}


@cache
def accounts() -> tuple[AccountConfig, ...]:
    """Return the council's accounts; read once, for the children as well."""
    return load_config().accounts


def key_id(account: AccountConfig) -> str:
    """Return the key of an account at the exchange."""
    return f"SIM{account.nickname}"


def exchange_accounts() -> tuple[ExchangeAccount, ...]:
    """Return the council's accounts as the exchange needs them."""
    return tuple(
        ExchangeAccount(key_id(account), SECRET, account.account_number, Decimal(100_000))
        for account in accounts()
    )


class NotingStore(PostgresEventStore):
    """A store that notes in a file, for all processes, what is acknowledged."""

    def __init__(self, pool: StorePool, home: Path) -> None:
        super().__init__(pool, project, rowless=ROWLESS)
        self._path = home / _ACKNOWLEDGED

    async def append_many(self, writes: Sequence[StreamWrite]) -> tuple[StoredEvent, ...]:
        """Append, then note it before anybody is told."""
        stored = await super().append_many(writes)
        lines = "".join(f"{event.position} {event.event_id}\n" for event in stored)
        # One write at the end of the file: other processes note there too.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, lines.encode())
        finally:
            os.close(descriptor)
        return stored


@asynccontextmanager
async def seated(
    place: Place, *, failpoint: Callable[[str], None], models: bool, faulty: bool
) -> AsyncIterator[Deps]:
    """Open the council; where `faulty`, its desks sit at the faulty wire and in a hurry."""
    terms = Terms(clock=place.clock, dsn=place.dsn, models=models)
    async with assembled(place.settings(), terms) as app, AsyncExitStack() as stack:
        deps = replace(app.deps, store=NotingStore(app.pool, place.home), failpoint=failpoint)
        if faulty:
            desks = {name: _hurried(desk, place, stack) for name, desk in deps.desks.items()}
            first = next(iter(desks.values()))
            deps = replace(deps, desks=desks, market_data=first.market_data)
        yield _calm(deps)


def _calm(deps: Deps) -> Deps:
    """Return `deps` for a clock that runs fast; no loss halts, as nobody is there to resume."""
    risk = deps.config.risk
    changed = {"daily_loss": Decimal(1), "clock_skew_seconds": _MOST_SKEW_SECONDS}
    limits = risk.limits.model_copy(update=changed)
    config = deps.config.model_copy(update={"risk": risk.model_copy(update={"limits": limits})})
    return replace(deps, config=config)


def _hurried(desk: Desk, place: Place, stack: AsyncExitStack) -> Desk:
    credentials = AlpacaCredentials(key_id(desk.account), SecretStr(SECRET))
    timeout_seconds = (2 * SHORT_PATIENCE_SECONDS, SHORT_PATIENCE_SECONDS)
    deadline_seconds = 2 * SHORT_PATIENCE_SECONDS
    venue = AlpacaVenue(
        nickname=desk.account.nickname,
        account_number=desk.account.account_number,
        credentials=credentials,
        trading_url=place.faulty_origin,
        name=VenueName.SIMULATED,
        timeout_seconds=timeout_seconds,
        deadline_seconds=deadline_seconds,
    )
    market_data = AlpacaMarketData(
        credentials=credentials,
        data_url=place.faulty_origin,
        source=desk.market_data.source,
        timeout_seconds=timeout_seconds,
        deadline_seconds=deadline_seconds,
    )
    stack.push_async_callback(venue.aclose)
    stack.push_async_callback(market_data.aclose)
    return Desk(desk.account, venue, market_data)
