"""What only systemd's units call: the embedded database by itself, and word of a failed unit."""

import asyncio
from typing import Annotated

import typer

from config.clock import SystemClock
from config.errors import UsageError
from config.settings import Settings
from mcp_server.commands.options import carry_out
from mcp_server.output import Output
from mcp_server.watchdog import Systemd, watched
from mcp_server.wiring import settled
from store.embedded import answers, embedded_database

UnitArgument = Annotated[str, typer.Argument(metavar="UNIT", help="The unit that failed.")]
UserFlag = Annotated[bool, typer.Option("--user", help="It is a unit of this user's own systemd.")]

_SERVED_NO_LONGER = "The database stops when nobody uses it any more; everything is stored."


def serve_database() -> None:
    """Keep the embedded database running until Ctrl-C, so that no other process has to."""
    output = Output()
    carry_out(_serve_database(output), output, _SERVED_NO_LONGER)


def alert_failure(unit: UnitArgument, user: UserFlag = False) -> None:
    """Tell the alert addresses and the journal that a unit failed; systemd calls it."""
    output = Output()
    carry_out(_alert_failure(unit, output, is_users=user), output, "Interrupted.")


async def _serve_database(output: Output) -> None:
    settings = settled(level="INFO")
    if settings.database_dsn is not None:
        raise UsageError(
            "The settings name a database server of its own; unset DATABASE_URL and "
            "DATABASE_HOST to use the embedded one."
        )
    async with embedded_database(settings.council_home) as dsn:
        output.say("The embedded database runs; Ctrl-C lets go of it.")
        async with watched(Systemd.of_process(), lambda: answers(dsn)):
            await asyncio.Event().wait()


async def _alert_failure(unit: str, output: Output, *, is_users: bool) -> None:
    # Without Apprise and the config this is quick; with them a second.
    from mcp_server.unit_failures import tell_at_any_rate  # noqa: PLC0415

    logs_by = f"journalctl {'--user ' if is_users else ''}-eu {unit}"
    told = await tell_at_any_rate(unit, _settings, SystemClock(), logs_by=logs_by)
    output.say(told.sentence)


def _settings() -> Settings:
    return settled(level="INFO")
