"""The command `council`: every command by name, and the one place where errors become exit codes.

Exit codes: 0 ok, 1 error, 2 usage, 3 credentials, 4 unreachable, 5 refused, 130 interrupted, 143
terminated.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Literal

import structlog
import typer
from typer.exceptions import Abort, TyperException

from config import telemetry
from config.errors import CouncilError
from config.logs import choose_format, configure_logs
from mcp_server.commands import (
    database,
    database_life,
    database_roles,
    deliberation,
    exchange,
    general,
    installing,
    jobs,
    money,
    operation,
    results,
    secret,
    serving,
    setup,
    simulating,
    stopping,
    support,
    tokens,
    trading,
    units,
)
from mcp_server.output import error_code, write_error

_USAGE = 2

app = typer.Typer(
    name="council",
    help="Language models pitch, review each other blind and trade paper; a person approves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
db = typer.Typer(help="The database: its log, backups of it, and its server.", no_args_is_help=True)
token = typer.Typer(
    help="Bearer tokens for `council serve`: make, list, revoke.", no_args_is_help=True
)

app.command("demo")(deliberation.demo)
app.command("simulate")(simulating.simulate)
app.command("run-weekly")(deliberation.run_weekly)
app.command("research")(deliberation.research)
app.command("pm-pitches")(deliberation.pm_pitches)
app.command("peer-review")(deliberation.peer_review)
app.command("chairman")(deliberation.chairman)
app.command("trades")(trading.trades)
app.command("trade")(trading.trade)
app.command("approve")(trading.approve)
app.command("reject")(trading.reject)
app.command("revoke")(trading.revoke)
app.command("execute")(trading.execute)
app.command("executor")(trading.executor)
app.command("halt")(stopping.halt)
app.command("resume")(stopping.resume)
app.command("drifts")(stopping.drifts)
app.command("accept-drift")(stopping.accept_drift)
app.command("checkpoint")(deliberation.checkpoint)
app.command("postmortem")(results.postmortem)
app.command("job")(jobs.job)
app.command("worker")(jobs.worker)
app.command("leaderboard")(results.leaderboard)
app.command("passphrase")(secret.passphrase)
app.command("ask")(general.ask)
app.command("costs")(money.costs)
app.command("prompts")(money.prompts)
app.command("status")(operation.status)
app.command("events")(operation.events)
app.command("doctor")(operation.doctor)
app.command("support-bundle")(support.support_bundle)
app.command("mcp")(operation.mcp)
app.command("serve")(serving.serve)
app.command("exchange")(exchange.exchange)
app.command("setup")(setup.setup)
app.command("install")(installing.install)
app.command("alert-failure", hidden=True)(units.alert_failure)
app.command("init-db")(database.init_db)
db.command("rebuild")(database.rebuild)
db.command("verify")(database.verify)
db.command("serve")(units.serve_database)
db.command("head")(database_life.head)
db.command("backup")(database_life.backup)
db.command("restore")(database_life.restore)
db.command("upgrade")(database_life.upgrade)
db.command("import")(database_life.import_)
db.command("roles")(database_roles.roles)
app.add_typer(db, name="db")
token.command("create")(tokens.create)
token.command("list")(tokens.listed)
token.command("revoke")(tokens.revoke)
app.add_typer(token, name="token")


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"council {version('llm-trading-council')}\n")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    log_format: Annotated[
        Literal["auto", "human", "json"],
        typer.Option(help="How logs are written; auto is json in systemd's journal, else human."),
    ] = "auto",
) -> None:
    """Language models pitch, review each other blind and trade paper; a person approves."""
    choose_format(log_format)


def main() -> None:
    """Run the command line of this process and exit with its code."""
    # A shell that closed stdout leaves None here; whoever prints must not fall over it.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    code = run(sys.argv[1:])
    telemetry.end()
    # All is closed by now; taking down a few hundred modules would cost half a second more.
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error becomes one sentence on stderr."""
    as_json = "--json" in arguments
    configure_logs("ERROR", (), as_json)
    if problem := telemetry.configure(os.environ):
        structlog.get_logger("council").error("telemetry.not_exported", reason=problem)
    try:
        code = _traced(list(arguments))
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except CouncilError as error:
        write_error(str(error), code=error_code(error), as_json=as_json)
        return error.exit_code
    except TyperException as error:
        # Without a message it was `council` alone, which has just printed its help.
        if message := error.format_message():
            write_error(_usage_sentence(message), code="usage_error", as_json=as_json)
        return _USAGE
    except Abort:
        write_error("Aborted; nothing was changed.", code="aborted", as_json=as_json)
        return 1
    except BrokenPipeError:
        return _quiet_exit()
    except Exception as error:  # noqa: BLE001  # the entry point: traceback to the log, a sentence to the person
        return _unexpected(error, as_json=as_json)


def _traced(arguments: list[str]) -> object:
    """Run the command within a span of its name; other words of the line may be anything."""
    command = typer.main.get_command(app)
    known = getattr(command, "commands", {})
    name = next((word for word in arguments if word in known), "council")
    if name in _ENDLESS:
        return command.main(args=arguments, prog_name="council", standalone_mode=False)
    with telemetry.step(f"council {name}", {"command": name}):
        return command.main(args=arguments, prog_name="council", standalone_mode=False)


_ENDLESS = frozenset({"exchange", "executor", "mcp", "serve", "worker"})
"""These go on for months: each piece of their work is a trace of its own."""


def _usage_sentence(message: str) -> str:
    return f"{' '.join(message.split()).rstrip('.')}; see `council --help`."


def _quiet_exit() -> int:
    """Leave without a word when the reader of stdout has gone, as `head` does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _unexpected(error: Exception, *, as_json: bool) -> int:
    structlog.get_logger("council").error("unexpected", exc_info=error)
    sentence = f"Unexpected {type(error).__name__}: {error}; the log above says where."
    write_error(sentence, code="unexpected", as_json=as_json)
    return 1
