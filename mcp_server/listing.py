"""The tools as hosts list them, stored beside the code: a host waits for the list, not for schemas.

Their schemas take long to build, with most of the program imported for them, so the stdio server
lists what is stored and builds a tool when it is called. A test holds the file against the code;
after a change to any tool, `python -m mcp_server.listing` writes it anew.
"""

import json
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import Tool as Listed
from mcp_types import ToolAnnotations

from mcp_server.offers import OFFERS, Offer

ToolsOf = Callable[[Iterable[Offer]], list[Tool]]

FILE = Path(__file__).with_name("listed_tools.json")


class ListedTool(Tool):
    """A tool that is listed as it is stored, and built at its first call."""

    listed_output: dict[str, Any] | None = None
    build: Callable[[], Tool]

    @cached_property
    def output_schema(self) -> dict[str, Any] | None:
        """Return the stored schema of the tool's results."""
        return self.listed_output

    @cached_property
    def built(self) -> Tool:
        """Return the tool itself, which may import most of the program."""
        return self.build()

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        """Run the tool itself."""
        return await self.built.run(arguments, context, convert_result)


def built_tools(offers: Iterable[Offer]) -> list[Tool]:
    """Return the tools of `offers`, built now."""
    return [offer.tool for offer in offers]


def listed_tools(offers: Iterable[Offer]) -> list[Tool]:
    """Return the tools of `offers`, listed as they are stored."""
    stored = {tool["name"]: tool for tool in json.loads(FILE.read_text(encoding="utf-8"))}
    return [_listed(stored[offer.name], offer) for offer in offers]


def _listed(stored: dict[str, Any], offer: Offer) -> Tool:
    """Return one tool; unchecked, because what is stored was checked when it was written."""
    fields: dict[str, Any] = {
        "name": stored["name"],
        "title": stored["title"],
        "description": stored["description"],
        "parameters": stored["inputSchema"],
        "listed_output": stored.get("outputSchema"),
        "annotations": ToolAnnotations.model_validate(stored["annotations"]),
        "icons": None,
        "meta": stored.get("_meta"),
        "build": lambda: offer.tool,
    }
    return ListedTool.model_construct(**fields)


def current() -> str:
    """Return the text that the file should have, by the code."""
    return json.dumps([_told(offer.tool) for offer in OFFERS], indent=1) + "\n"


def _told(tool: Tool) -> dict[str, Any]:
    listed = Listed(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.parameters,
        output_schema=tool.output_schema,
        annotations=tool.annotations,
        _meta=tool.meta,
    )
    return listed.model_dump(mode="json", by_alias=True, exclude_none=True)


if __name__ == "__main__":
    FILE.write_text(current(), encoding="utf-8")
