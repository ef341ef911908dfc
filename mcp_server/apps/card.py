"""The approval card as hosts find it: one document under `CARD_URI`, put together when it is asked.

Its parts lie in the folder `approvals`. What a host gets names no other file and no address.
"""

from pathlib import Path

from anyio import to_thread
from mcp.server.apps import APP_MIME_TYPE, Apps
from mcp.server.mcpserver.resources import Resource

CARD_URI = "ui://council/approvals"

_FOLDER = Path(__file__).with_name("approvals")
_SCRIPTS = ("bridge.js", "elements.js", "drawing.js", "deciding.js", "listing.js")
"""In this order: what a later one does when it is loaded, an earlier one must have defined."""


def card_html() -> str:
    """Return the whole card: one document with its style and its scripts in it."""
    style, scripts = _read("approvals.css"), "".join(map(_read, _SCRIPTS))
    document = _read("approvals.html")
    return document.replace("/* style */", style).replace("/* scripts */", scripts)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


class _Card(Resource):
    """Reads the files when a host asks: a server that only lists its tools never does."""

    async def read(self) -> str:
        return await to_thread.run_sync(card_html)


def approval_card() -> Apps:
    """Return the extension that serves the card, which may reach no address at all."""
    apps = Apps()
    apps.add_resource(
        _Card(
            uri=CARD_URI,
            name="approvals",
            title="Trades that wait for approval",
            description="A card for each trade, where a person approves or rejects it.",
            mime_type=APP_MIME_TYPE,
            meta={"ui": {"csp": {}, "prefersBorder": True}},
        )
    )
    return apps
