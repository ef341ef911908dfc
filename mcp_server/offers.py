"""Which tools there are, what hosts are told of each, who may call it, and which are left out."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

from mcp_server.tools import general, overview, stopping, trades, week
from mcp_server.tools.results import without_titles

Scope = Literal["read", "run", "approve"]
"""What a caller must be allowed to do; each holds those before it."""

Toolset = Literal["week", "trades", "watch", "ask"]
TOOLSETS: tuple[Toolset, ...] = ("week", "trades", "watch", "ask")


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool with what hosts show and decide by."""

    call: Callable[..., Any]
    title: str
    toolset: Toolset
    scope: Scope = "run"
    reads_only: bool = False
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = True
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name by which hosts call it."""
        return self.call.__name__

    @property
    def tool(self) -> Tool:
        """Return the tool with all four hints: a host assumes the worst of one that is missing."""
        tool = Tool.from_function(
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
        without_titles(tool.parameters)
        tool.parameters["additionalProperties"] = False
        return tool


OFFERS = (
    Offer(week.run_weekly, "Run the week", "week"),
    Offer(week.get_run, "Follow a run", "week"),
    Offer(week.run_research, "Gather research", "week"),
    Offer(week.collect_pitches, "Collect pitches", "week"),
    Offer(week.peer_review, "Review pitches blind", "week"),
    Offer(week.synthesize, "Settle the council trade", "week"),
    Offer(
        trades.list_pending_trades,
        "List pending trades",
        "trades",
        scope="read",
        reads_only=True,
        open_world=False,
    ),
    Offer(trades.approve_trade, "Ask the user to approve", "trades", "approve", destructive=True),
    Offer(
        trades.reject_trade,
        "Reject one trade",
        "trades",
        scope="approve",
        destructive=True,
        open_world=False,
    ),
    Offer(stopping.halt_trading, "Halt trading", "watch", open_world=False),
    Offer(overview.run_checkpoint, "Take a checkpoint", "watch"),
    Offer(general.ask_council, "Ask the council", "ask"),
    Offer(overview.get_status, "Show status", "watch", "read", reads_only=True),
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
