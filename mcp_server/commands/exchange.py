"""The simulated exchange as a program of its own, for whoever wants to send orders to it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from config.errors import UsageError
from config.schema import Config
from config.settings import Settings
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.shapes import ExchangeKeyShape, ExchangeShape
from mcp_server.wiring import DEFAULT_SEED, App, Terms, opened_store, settled

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from broker.exchange.faults import FaultPlan
    from broker.exchange.prices import PriceSource

PortOption = Annotated[
    int, typer.Option("--port", metavar="N", help="The loopback port; 0 takes any free one.")
]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", help="Of the synthetic prices.")]
PricesOption = Annotated[
    str,
    typer.Option(
        "--prices",
        metavar="SOURCE",
        help="synthetic: a market of its own; alpaca: Alpaca's market data, read with the first "
        "Alpaca key that is set; else a CSV or Parquet file of bars, which must reach today.",
    ),
]
FaultsOption = Annotated[
    str | None,
    typer.Option(
        "--faults",
        metavar="PLAN",
        help='Make the wire fail by plan, such as "seed=7, posts=0.5, gets=0.2": half of the '
        "orders sent and a fifth of the reads. A wrong name is answered with all that there are.",
    ),
]
NotShortableOption = Annotated[
    str,
    typer.Option(
        "--not-shortable", metavar="SYMBOLS", help="Refuse short sales of these, such as LQD,USO."
    ),
]
HardToBorrowOption = Annotated[
    str,
    typer.Option(
        "--hard-to-borrow",
        metavar="SYMBOLS",
        help="Take short sales of these, such as USO, as DAY orders only.",
    ),
]
WithoutEasyToBorrowFlag = Annotated[
    bool,
    typer.Option(
        "--without-easy-to-borrow",
        help="Leave easy_to_borrow out of assets, as Alpaca announced; borrow_status stays.",
    ),
]
RequestsOption = Annotated[
    int,
    typer.Option(
        "--requests-per-minute",
        metavar="N",
        min=0,
        help="So many requests of one key in a minute are answered, market data counted apart, "
        "the next with 429; 0 is no limit.",
    ),
]

OPEN_SECRET = "simulated"  # noqa: S105 - the same for everyone: this is play money
DEFAULT_PORT = 8787
DEFAULT_REQUESTS_PER_MINUTE = 200


@dataclass(frozen=True, slots=True)
class _Asked:
    """The command's options."""

    port: int
    seed: int
    prices: str
    faults: str | None
    not_shortable: tuple[str, ...]
    hard_to_borrow: tuple[str, ...]
    sends_easy_to_borrow: bool
    requests_per_minute: int | None


def exchange(
    port: PortOption = DEFAULT_PORT,
    seed: SeedOption = DEFAULT_SEED,
    prices: PricesOption = "synthetic",
    *,
    faults: FaultsOption = None,
    not_shortable: NotShortableOption = "",
    hard_to_borrow: HardToBorrowOption = "",
    without_easy_to_borrow: WithoutEasyToBorrowFlag = False,
    requests_per_minute: RequestsOption = DEFAULT_REQUESTS_PER_MINUTE,
    as_json: JsonFlag = False,
) -> None:
    """Serve the simulated exchange with Alpaca's routes on a loopback port until Ctrl-C.

    Trading, market data and the stream of trade updates are at one address; what happened there is
    kept in the database.
    """
    output = Output(as_json=as_json)
    asked = _Asked(
        port=port,
        seed=seed,
        prices=prices,
        faults=faults,
        not_shortable=_symbols(not_shortable),
        hard_to_borrow=_symbols(hard_to_borrow),
        sends_easy_to_borrow=not without_easy_to_borrow,
        requests_per_minute=requests_per_minute or None,
    )
    carry_out(_exchange(asked, output), output, _ENDED)


_ENDED = "The exchange has ended; its orders and positions are kept."


async def _exchange(asked: _Asked, output: Output) -> None:
    # These bring pandas and the web server, which no other command should pay for.
    from broker.exchange.faults import FaultPlan  # noqa: PLC0415
    from broker.exchange.server import running_exchange  # noqa: PLC0415
    from mcp_server.exchange_prices import opened_prices  # noqa: PLC0415

    settings = settled(output.as_json)
    faults = None if asked.faults is None else FaultPlan.parsed(asked.faults)
    async with opened_store(settings, Terms(pooled=True)) as app:
        config, clock = app.deps.config, app.deps.clock
        opening = opened_prices(asked.prices, asked.seed, settings, config=config, clock=clock)
        async with opening as (source, notices):
            served = _served(asked, app, source, faults=faults)
            async with running_exchange(served, port=asked.port) as origin:
                shape = ExchangeShape(
                    address=origin,
                    prices=source.source,
                    secret_key=OPEN_SECRET,
                    keys=_keys(config),
                    notices=(*_notices(asked, settings), *notices),
                )
                output.show(shape, lambda console: _draw(console, shape))
                await asyncio.Event().wait()


def _served(
    asked: _Asked, app: App, source: "PriceSource", *, faults: "FaultPlan | None"
) -> "Starlette":
    from broker.exchange.app import ExchangeAccount, create_exchange  # noqa: PLC0415 see above
    from broker.exchange.prices import SYNTHETIC_SYMBOLS  # noqa: PLC0415 see above

    known = {*source.symbols, *SYNTHETIC_SYMBOLS}
    _check_known((*asked.not_shortable, *asked.hard_to_borrow), known)
    accounts = [
        ExchangeAccount(key.key_id, OPEN_SECRET, key.account_number)
        for key in _keys(app.deps.config)
    ]
    return create_exchange(
        pool=app.pool,
        prices=source,
        clock=app.deps.clock,
        accounts=accounts,
        hours=app.settings.council_exchange_hours,
        not_shortable=asked.not_shortable,
        hard_to_borrow=asked.hard_to_borrow,
        sends_easy_to_borrow=asked.sends_easy_to_borrow,
        requests_per_minute=asked.requests_per_minute,
        faults=faults,
    )


def _notices(asked: _Asked, settings: Settings) -> tuple[str, ...]:
    """Say how this exchange was asked to differ from a market."""
    hours = "COUNCIL_EXCHANGE_HOURS=always: it ignores market hours."
    faults = f"Its wire fails by plan: {asked.faults}."
    return (*((hours,) if settings.always_open else ()), *((faults,) if asked.faults else ()))


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (symbol.strip().upper() for symbol in text.split(","))))


def _check_known(symbols: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(symbols) - set(known))
    if unknown:
        raise UsageError(
            f"The exchange has no instrument {', '.join(unknown)}: "
            f"choose from {', '.join(sorted(known))}."
        )


def _keys(config: Config) -> tuple[ExchangeKeyShape, ...]:
    return tuple(
        ExchangeKeyShape(
            account=account.nickname,
            account_number=account.account_number,
            key_id=f"SIM{account.nickname}",
        )
        for account in config.accounts
    )


def _draw(console: Console, shape: ExchangeShape) -> None:
    console.print(f"The simulated exchange is at {shape.address}; prices: {shape.prices}.")
    for notice in shape.notices:
        console.print(f"  ! {notice}")
    console.print(
        "Its accounts are play money and its keys are no secrets. To send an account here:"
    )
    example = shape.keys[0]
    console.print(f"  ALPACA_TRADING_URL={shape.address}")
    console.print(f"  ALPACA_{example.account}_KEY_ID={example.key_id}")
    console.print(f"  ALPACA_{example.account}_SECRET_KEY={shape.secret_key}")
    console.print("and likewise for the others: the key id is SIM and the account's nickname.")
    console.print("Ctrl-C ends it; its orders and positions are kept.", style="dim")
