"""What a tool says of arguments that do not fit its schema: short, without what was sent.

The SDK's own words repeat the input and name a web page; a model needs the field and what to mend.
"""

import re
from collections.abc import Iterator
from typing import Any

from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError

_MOST_FAULTS = 5
_UNANSWERED = "Resolver "
"""With what the SDK begins where a host says that a form was filled in, and sends nothing."""
_NAME_CHARACTERS = 40
_MOST_CHARACTERS = 12_000
"""Room for the tickets of a whole week; what is longer quotes a caller who sent too much."""
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ud800-\udfff]")


class CheckedTool(Tool):
    """A tool that refuses what its schema refuses, in a sentence a model can act on."""

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,
    ) -> Any:
        """Run the tool, unless an argument is unknown or does not fit.

        Raises:
            ToolError: an argument is wrong, and nothing was done; or what the tool itself says.
        """
        unknown = [name for name in arguments if name not in self.parameters["properties"]]
        if unknown:
            known = ", ".join(self.parameters["properties"]) or "none"
            faults = (f"there is no argument {_shown(name)}" for name in unknown)
            raise ToolError(_refused(self.name, faults, f" Its arguments: {known}."))
        try:
            return await super().run(arguments, context, convert_result)
        except UnexpectedToolError:
            raise
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ValidationError):
                raise ToolError(_refused(self.name, _faults(cause))) from error
            if str(cause).startswith(_UNANSWERED):
                raise ToolError(_not_answered(self.name)) from error
            said = str(error).removeprefix(f"Error executing tool {self.name}: ")
            raise ToolError(speakable(said)) from error


def _refused(tool: str, faults: Iterator[str], known: str = "") -> str:
    named = tuple(dict.fromkeys(faults))
    more = f"; and {len(named) - _MOST_FAULTS} more" if len(named) > _MOST_FAULTS else ""
    return (
        f"{tool} was NOT called, nothing was done: {'; '.join(named[:_MOST_FAULTS])}{more}.{known} "
        "Mend the arguments and call again."
    )


def _not_answered(tool: str) -> str:
    return (
        f"{tool} was NOT carried out, nothing was done: the host accepted the form without an "
        "answer. Tell the user, and do not answer for the user."
    )


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"])
        yield f"{_shown(where)}: {fault['msg']}"


def speakable(text: str) -> str:
    """Return a refusal that may quote its caller: nothing that steers a terminal, never long."""
    escaped = _UNSPEAKABLE.sub(lambda found: ascii(found[0])[1:-1], _shortened(text))
    return _shortened(escaped)


def _shortened(text: str) -> str:
    """Return `text` without its middle, if it is long: the end says what to do."""
    half = _MOST_CHARACTERS // 2
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:half]} … {text[-half:]}"


def _shown(name: str) -> str:
    """Return a name that a caller made up, safe to print and never long."""
    return ascii(name[:_NAME_CHARACTERS])[1:-1]
