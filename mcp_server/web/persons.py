"""The person at the page: under which name what he does is recorded, and how he proves who he is.

Whoever has signed in is the person; where approval.mode is strict, he proves it at each decision
anew.
"""

import asyncio
import getpass
import os
from typing import Final

from starlette.datastructures import FormData

from config.errors import RefusedError, UsageError
from council.trading.approvals import Decider
from council.untrusted import clean_text
from mcp_server import passphrase
from mcp_server.host import Host
from mcp_server.wiring import App

LONGEST_REASON: Final = 500
"""Characters that a form takes for a reason."""


def local_name() -> str:
    """Return whose council this is: the user that the server runs for."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"user {os.getuid()}"


def is_strict(app: App) -> bool:
    """Whether a decision asks for the passphrase itself, and not for a session alone."""
    return app.deps.config.risk.approval.mode == "strict"


async def decider_of(form: FormData, app: App, *, is_proven: bool) -> Decider:
    """Return who sent `form`, in whose session it came.

    What `is_proven` in the strict mode, by the passphrase in the form, lets orders go.

    Raises:
        RefusedError: the passphrase in it, which the strict mode asks for, is wrong or locked.
        ConfigError: none is set, or its file cannot be used.
    """
    name = local_name()
    if not (is_proven and is_strict(app)):
        return Decider(name, "web", "local_user")
    given, home = str(form.get("passphrase", "")), app.settings.council_home
    await asyncio.to_thread(passphrase.verify, home, given, clock=app.deps.clock)
    return Decider(name, "web", "human_direct")


def reason_in(form: FormData) -> str:
    """Return the reason that the person wrote, without characters that nobody sees.

    Raises:
        UsageError: there is none, or it is longer than `LONGEST_REASON`.
    """
    reason = clean_text(str(form.get("reason", ""))).strip()
    if not reason:
        raise UsageError("Say why: the reason is recorded.")
    if len(reason) > LONGEST_REASON:
        raise UsageError(f"Say it in at most {LONGEST_REASON} characters.")
    return reason


def refuse_reader(host: Host) -> None:
    """Refuse where the server only reads.

    Raises:
        RefusedError: it does.
    """
    if host.reads_only:
        raise RefusedError("This server only reads: decide in a terminal, or on a server that may.")


def refuse_undeciding(host: Host) -> None:
    """Refuse where nobody can decide: the server only reads, or its login may not decide.

    Raises:
        RefusedError: so it is.
    """
    refuse_reader(host)
    if host.only_shows:
        raise RefusedError(
            "The database login of this server may not decide: decide on the page of the server "
            "that has the login of lc_approver, or with it in a terminal."
        )
