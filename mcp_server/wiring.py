"""The composition root: everything is opened here, once, and closed in reverse.

A command opens no more than it needs: the store alone (`opened_store`), or all of it (`assembled`).
What was not opened stands as `NotOpened` in the Deps, and touching it is a mistake of the program.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from config.clock import Clock, SystemClock
from config.loader import load_config
from config.logs import configure_logs
from config.settings import Settings, load_settings
from council.codec import KINDS
from council.ports import Deps, Progress
from council.projections import ROWLESS, project
from council.table_writers import WRITTEN_BY
from mcp_server.duties import role_in, told_of
from mcp_server.halt_file import HaltFile
from mcp_server.standing import Standing, standing_of
from store.databases import ensure_database
from store.embedded import embedded_database
from store.event_store import PostgresEventStore
from store.kinds import refuse_unknown_kinds
from store.locks import Locks, MemoryLocks, PostgresLocks
from store.migrate import migrate
from store.pool import StorePool, open_pool
from store.remembering import RememberingEventStore

if TYPE_CHECKING:
    from broker.exchange.prices import PriceSource

DEFAULT_SEED = 7
"""Of the synthetic prices: every process that is not told otherwise sees the same market."""
_COMMAND_POOL_SIZE = 4
_EMBEDDED_POOL_SIZE = 10
"""The embedded server takes few connections, and several processes share them."""

Tell = Callable[[Progress], None]


def _tell_nobody(progress: Progress) -> None:
    """Drop the news."""


def _nobody_halts() -> str | None:
    """Say that nothing outside asks for a halt."""
    return None


class NotOpened:
    """Stands in the Deps for a part that this command did not open."""

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"This command was wired without {self._part}, but asks for {name!r}.")


@dataclass(frozen=True, slots=True)
class App:
    """What commands and tools work with: the Deps, and what the Deps do not say of themselves.

    `role` is the database role of the login; None is the owner, who may do everything.
    """

    settings: Settings
    standing: Standing
    deps: Deps
    pool: StorePool
    dsn: str = field(repr=False)
    database: Literal["embedded", "external"]
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run departs from the usual: another clock, other prices, another database's address.

    `pooled` gives the server's pool sizes instead of a command's; `models` False opens no models.
    `halt_file` False lets a week that nobody's money hangs on go on beside the halt file. `answers`
    is the folder in which a simulation keeps what models answered, to ask nothing twice. `alone`
    says that no other process uses the database for as long as this one does.
    """

    clock: Clock = field(default_factory=SystemClock)
    prices: "PriceSource | None" = None
    dsn: str | None = None
    tell: Tell = _tell_nobody
    pooled: bool = False
    models: bool = True
    halt_file: bool = True
    answers: Path | None = None
    alone: bool = False


def settled(as_json: bool = False, level: str = "WARNING") -> Settings:
    """Read the environment and send the logs, from `level` on, to stderr with secrets masked.

    With `as_json` only errors are logged, so that a program finds one JSON object on stderr.
    """
    settings = load_settings()
    configure_logs("ERROR" if as_json else level, settings.secret_values(), as_json)
    return settings


@asynccontextmanager
async def opened_store(settings: Settings, terms: Terms | None = None) -> AsyncIterator[App]:
    """Open configuration, database, migrations, pool, store and locks, and nothing else.

    Raises:
        ConfigError: a YAML file or a setting is wrong, a newer version wrote the database, or its
            grants are not those of approval.mode.
        UnreachableError: the database does not answer.
    """
    terms = terms or Terms()
    config = load_config(settings.council_config)
    standing = standing_of(settings, config)
    async with AsyncExitStack() as stack:
        dsn = terms.dsn
        if dsn is None:
            dsn = await stack.enter_async_context(opened_database(settings))
        await migrate(dsn)
        pool = await _pool(settings, dsn, stack, pooled=terms.pooled)
        locks: Locks = MemoryLocks()
        if not terms.alone:
            locks = await stack.enter_async_context(aclosing(PostgresLocks(dsn)))
        await refuse_unknown_kinds(pool, KINDS)
        role = None if terms.alone else await role_in(pool, config.risk.approval.mode)
        deps = Deps(
            config=config,
            clock=terms.clock,
            calendar=cast("Any", NotOpened("the calendar")),
            store=_store(pool, is_alone=terms.alone),
            locks=locks,
            models=cast("Any", NotOpened("models")),
            research={},
            desks={},
            market_data=cast("Any", NotOpened("market data")),
            mode=standing.mode,
            degraded=standing.degraded,
            always_open=standing.always_open,
            halt_wanted=_halt_wanted(settings, terms),
            tell=terms.tell,
        )
        database = "external" if settings.database_dsn else "embedded"
        standing = told_of(role, standing)
        yield App(settings, standing, deps, pool, dsn, cast("Any", database), role)


def _halt_wanted(settings: Settings, terms: Terms) -> Callable[[], str | None]:
    return HaltFile.in_home(settings.council_home).wanted if terms.halt_file else _nobody_halts


@asynccontextmanager
async def assembled(settings: Settings, terms: Terms | None = None) -> AsyncIterator[App]:
    """Open everything: store, simulated exchange where keys are missing, venues, prices, models.

    Raises:
        CouncilError: of the part that cannot be opened; what was open is closed again.
    """
    terms = terms or Terms()
    async with AsyncExitStack() as stack:
        # The database takes its time outside of this process; the imports use it.
        loading = asyncio.create_task(asyncio.to_thread(_load, models=terms.models))
        stack.push_async_callback(asyncio.wait, [loading])
        app = await stack.enter_async_context(opened_store(settings, terms))
        await loading
        # These bring web server and pandas, which reading the store should not pay for.
        from config.market_calendar import xnys  # noqa: PLC0415
        from mcp_server.desks import opened_floor  # noqa: PLC0415

        floor = await stack.enter_async_context(
            opened_floor(app, terms.prices, is_alone=terms.alone)
        )
        standing = standing_of(settings, app.deps.config, floor.prices)
        refusals = (f"{name} is refused: {why}" for name, why in floor.refused.items())
        standing = replace(standing, degraded=(*standing.degraded, *refusals))
        deps = replace(
            app.deps,
            calendar=xnys(),
            desks=floor.desks,
            market_data=floor.market_data,
            refused_accounts=floor.refused,
            degraded=standing.degraded,
        )
        app = replace(app, standing=told_of(app.role, standing), deps=deps)
        yield await _with_models(app, stack, answers=terms.answers) if terms.models else app


def _load(*, models: bool) -> None:
    """Import what takes long and build the calendar, in a thread beside the event loop."""
    from config.market_calendar import xnys  # noqa: PLC0415

    xnys()
    for name in ("alpaca.data.historical.stock", *(("openai", "talib") if models else ())):
        import_module(name)
    if models:
        from council.llm.preparing import prepare  # noqa: PLC0415 heavy: Jinja2

        prepare()


async def _with_models(app: App, stack: AsyncExitStack, *, answers: Path | None) -> App:
    from mcp_server.minds import opened_models  # noqa: PLC0415 heavy: openai
    from mcp_server.researchers import opened_chains  # noqa: PLC0415 as above

    models = await stack.enter_async_context(opened_models(app, answers))
    chains = await stack.enter_async_context(opened_chains(app, models))
    told = (*app.standing.degraded, *models.notices)
    degraded = (*app.deps.degraded, *models.notices)
    return replace(
        app,
        standing=replace(app.standing, degraded=told),
        deps=replace(app.deps, models=models, research=chains, degraded=degraded),
    )


@asynccontextmanager
async def opened_database(settings: Settings, name: str | None = None) -> AsyncIterator[str]:
    """Yield the address of the configured server's database, or of the embedded one's."""
    if (configured := settings.database_dsn) is not None:
        yield await ensure_database(configured, name)
        return
    async with embedded_database(settings.council_home, name or "council") as dsn:
        yield dsn


def _store(pool: StorePool, *, is_alone: bool) -> PostgresEventStore:
    if is_alone:
        return RememberingEventStore(pool, project, rowless=ROWLESS, written_by=WRITTEN_BY)
    return PostgresEventStore(pool, project, rowless=ROWLESS)


async def _pool(settings: Settings, dsn: str, stack: AsyncExitStack, *, pooled: bool) -> StorePool:
    """Open a pool and close it with `stack`; a command needs few connections, a server more."""
    smallest, largest = (0, _COMMAND_POOL_SIZE)
    if pooled:
        smallest, largest = settings.db_min_pool_size, settings.db_max_pool_size
        if settings.database_dsn is None:
            smallest, largest = 0, min(largest, _EMBEDDED_POOL_SIZE)
    pool = await open_pool(
        dsn,
        min_size=smallest,
        max_size=max(1, largest),
        command_timeout_seconds=settings.db_command_timeout,
    )
    stack.push_async_callback(pool.close)
    return pool
