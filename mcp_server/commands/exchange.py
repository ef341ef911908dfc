"""The simulated exchange as a program of its own, for whoever wants to send orders to it."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from config.schema import Config
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.shapes import ExchangeKeyShape, ExchangeShape
from mcp_server.wiring import DEFAULT_SEED, Terms, opened_store, settled

PortOption = Annotated[
    int, typer.Option("--port", metavar="N", help="The loopback port; 0 takes any free one.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the synthetic prices.")]

OPEN_SECRET = "simulated"  # noqa: S105 - the same for everyone: this is play money
DEFAULT_PORT = 8787


def exchange(
    port: PortOption = DEFAULT_PORT, seed: SeedOption = DEFAULT_SEED, as_json: JsonFlag = False
) -> None:
    """Serve the simulated exchange with Alpaca's routes on a loopback port until Ctrl-C."""
    output = Output(as_json=as_json)
    carry_out(_exchange(port, seed, output), output)


async def _exchange(port: int, seed: int, output: Output) -> None:
    # These bring pandas and the web server, which no other command should pay for.
    from broker.exchange.app import ExchangeAccount, create_exchange  # noqa: PLC0415
    from broker.exchange.prices import SyntheticPrices  # noqa: PLC0415
    from broker.exchange.server import running_exchange  # noqa: PLC0415

    settings = settled(output.as_json)
    async with opened_store(settings, Terms(pooled=True)) as app:
        prices = await asyncio.to_thread(SyntheticPrices, seed)
        keys = _keys(app.deps.config)
        served = create_exchange(
            pool=app.pool,
            prices=prices,
            clock=app.deps.clock,
            accounts=[ExchangeAccount(key.key_id, OPEN_SECRET, key.account_number) for key in keys],
            hours=settings.council_exchange_hours,
        )
        async with running_exchange(served, port=port) as origin:
            shape = ExchangeShape(
                address=origin, prices=prices.source, secret_key=OPEN_SECRET, keys=keys
            )
            output.show(shape, lambda console: _draw(console, shape))
            await asyncio.Event().wait()


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
    console.print(
        "Its accounts are play money and its keys are no secrets. To send an account here:"
    )
    example = shape.keys[0]
    console.print(f"  ALPACA_TRADING_URL={shape.address}")
    console.print(f"  ALPACA_{example.account}_KEY_ID={example.key_id}")
    console.print(f"  ALPACA_{example.account}_SECRET_KEY={shape.secret_key}")
    console.print("Ctrl-C ends it; its orders and positions are kept.", style="dim")
