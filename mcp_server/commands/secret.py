"""`council passphrase`: sets the person's secret, or changes it for whoever knows the old one."""

from typing import Literal

from rich.text import Text

from config.clock import SystemClock
from config.errors import UsageError
from config.settings import Settings
from mcp_server.commands.asking import PassphraseFlag, check_can_hide, passphrase_from
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.passphrase import is_set, set_passphrase, verify
from mcp_server.shapes import Shape
from mcp_server.wiring import settled

_UNCHANGED = "Interrupted; the passphrase is as it was."


class PassphraseShape(Shape):
    """What became of the passphrase."""

    status: Literal["set", "changed"]
    message: str


def passphrase(passphrase_stdin: PassphraseFlag = False, as_json: JsonFlag = False) -> None:
    """Set or change the passphrase that approve, revoke, resume and accept-drift ask for.

    With --passphrase-stdin the old one comes first, if there is one, then the new one, each on a
    line of its own.
    """
    output = Output(as_json=as_json)
    carry_out(_passphrase(output, from_stdin=passphrase_stdin), output, _UNCHANGED)


async def _passphrase(output: Output, *, from_stdin: bool) -> None:
    settings = settled(output.as_json)
    if not from_stdin:
        check_can_hide("passphrase")
    shape = _changed(settings, from_stdin=from_stdin)
    output.show(shape, lambda console: console.print(Text(shape.message), soft_wrap=True))


def _changed(settings: Settings, *, from_stdin: bool) -> PassphraseShape:
    home, was_set = settings.council_home, is_set(settings.council_home)
    if was_set:
        verify(home, passphrase_from("Old passphrase", from_stdin), clock=SystemClock())
    chosen = passphrase_from("New passphrase", from_stdin)
    if not from_stdin and passphrase_from("Once more", from_stdin) != chosen:
        raise UsageError("The two are not the same; the passphrase is as it was.")
    set_passphrase(home, chosen, only_first=not was_set)
    return PassphraseShape(
        status="changed" if was_set else "set",
        message=f"The passphrase is {'changed' if was_set else 'set'}: `council approve`, `revoke`,"
        " `resume` and `accept-drift` ask for it from now on.",
    )
