"""Which tools there are, what hosts are told of each, who may call it, and which are left out."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

from mcp_server.apps.card import CARD_URI
from mcp_server.scopes import Scope
from mcp_server.tools import (
    approving,
    checking,
    general,
    outcomes,
    overview,
    records,
    stopping,
    trades,
    week,
)
from mcp_server.tools.arguments import CheckedTool
from mcp_server.tools.schemas import arguments_in_few_words

Toolset = Literal["week", "trades", "watch", "ask"]
TOOLSETS: tuple[Toolset, ...] = ("week", "trades", "watch", "ask")


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool with what hosts show and decide by."""

    name: str
    title: str
    toolset: Toolset
    scope: Scope = "run"
    reads_only: bool = False
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = True
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def call(self) -> Callable[..., Any]:
        """Return the function itself; its module is loaded for it."""
        return _calls()[self.name]

    @property
    def tool(self) -> Tool:
        """Return the tool with all four hints: a host assumes the worst of one that is missing."""
        tool = CheckedTool.from_function(
            self.call,
            title=self.title,
            description=inspect.cleandoc(self.call.__doc__ or ""),
            annotations=ToolAnnotations(
                read_only_hint=self.reads_only,
                destructive_hint=self.destructive,
                idempotent_hint=self.idempotent,
                open_world_hint=self.open_world,
            ),
            meta=dict(self.meta) or None,
        )
        arguments_in_few_words(tool.parameters)
        return tool


@cache
def _calls() -> Mapping[str, Callable[..., Any]]:
    calls = (
        week.run_weekly,
        week.get_run,
        week.run_research,
        week.collect_pitches,
        week.peer_review,
        week.synthesize,
        trades.list_pending_trades,
        approving.approve_trade,
        trades.reject_trade,
        trades.decide_trade,
        stopping.halt_trading,
        checking.run_checkpoint,
        general.ask_council,
        overview.get_status,
        records.list_trades,
        records.get_trade,
        records.get_week,
        outcomes.get_postmortem,
        outcomes.get_leaderboard,
    )
    return {call.__name__: call for call in calls}


_ON_A_CARD = {
    "ui": {"resourceUri": CARD_URI, "visibility": ["model", "app"]},
    # Older hosts look for the flat name.
    "ui/resourceUri": CARD_URI,
}
_LOOKS_UP: dict[str, Any] = {"scope": "read", "reads_only": True, "open_world": False}

OFFERS = (
    Offer("run_weekly", "Run the week", "week"),
    Offer("get_run", "Follow a run", "week"),
    Offer("run_research", "Gather research", "week"),
    Offer("collect_pitches", "Collect pitches", "week"),
    Offer("peer_review", "Review pitches blind", "week"),
    Offer("synthesize", "Settle the council trade", "week"),
    Offer(
        "list_pending_trades",
        "List pending trades",
        "trades",
        scope="read",
        reads_only=True,
        open_world=False,
        meta=_ON_A_CARD,
    ),
    Offer(
        "approve_trade",
        "Ask the user to approve",
        "trades",
        scope="approve",
        destructive=True,
    ),
    Offer(
        "reject_trade",
        "Reject one trade",
        "trades",
        scope="approve",
        destructive=True,
        open_world=False,
    ),
    Offer(
        "decide_trade",
        "Decide on the card",
        "trades",
        scope="approve",
        destructive=True,
        meta={"ui": {"visibility": ["app"]}},
    ),
    Offer("halt_trading", "Halt trading", "watch", open_world=False),
    Offer("run_checkpoint", "Take a checkpoint", "watch"),
    Offer("ask_council", "Ask the council", "ask"),
    Offer("get_status", "Show status", "watch", "read", reads_only=True),
    Offer("list_trades", "List trades", "trades", **_LOOKS_UP),
    Offer("get_trade", "Look up one trade", "trades", **_LOOKS_UP),
    Offer("get_week", "Look up a week", "watch", **_LOOKS_UP),
    Offer("get_postmortem", "Look back at a week", "watch", **_LOOKS_UP),
    Offer("get_leaderboard", "Show who is ahead", "watch", **_LOOKS_UP),
)


def offers_of(
    toolsets: Collection[Toolset] = TOOLSETS, *, read_only: bool = False
) -> tuple[Offer, ...]:
    """Return the tools of `toolsets`; with `read_only` those alone that change nothing."""
    return tuple(
        offer
        for offer in OFFERS
        if offer.toolset in toolsets and (offer.reads_only or not read_only)
    )
