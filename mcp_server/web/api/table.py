"""The operations of the API, once each: routes and OpenAPI document are made from this table."""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel

from mcp_server.cost_shapes import CostsShape
from mcp_server.exposure_shapes import TradeWithExposure
from mcp_server.result_shapes import LeaderboardShape
from mcp_server.shapes import Shape, StatusShape, WeekShape
from mcp_server.web.api import reads, verdicts
from mcp_server.web.api.calls import Work
from mcp_server.web.api.shapes import (
    ApproveBody,
    EventsPageShape,
    EventsQuery,
    NoQuery,
    PageQuery,
    RejectBody,
    TradesPageShape,
    TradesQuery,
    VerdictShape,
    WeekQuery,
    WeeksPageShape,
    WeeksQuery,
)

Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `name` is its operationId, `answer` the shape of what it answers."""

    method: Method
    path: str
    name: str
    summary: str
    work: Work
    answer: type[BaseModel]
    query: type[Shape] = NoQuery
    body: type[Shape] | None = None


TABLE: Final = (
    Operation(
        "GET",
        "/api/pending-trades",
        "listPendingTrades",
        "The trades that wait for a person.",
        reads.pending_trades,
        TradesPageShape,
        PageQuery,
    ),
    Operation(
        "GET",
        "/api/trades",
        "listTrades",
        "Trades of any status, the newest week first.",
        reads.trades,
        TradesPageShape,
        TradesQuery,
    ),
    Operation(
        "GET",
        "/api/trades/{trade_id}",
        "getTrade",
        "One trade: its ticket, who decided, its orders, and what all accounts would hold with it.",
        reads.trade,
        TradeWithExposure,
    ),
    Operation(
        "POST",
        "/api/trades/{trade_id}/approve",
        "approveTrade",
        "Record that a person approved exactly the ticket with this digest. Sent again it answers "
        "with the approval that stands.",
        verdicts.approve,
        VerdictShape,
        body=ApproveBody,
    ),
    Operation(
        "POST",
        "/api/trades/{trade_id}/reject",
        "rejectTrade",
        "Record that a person rejected the trade, and why.",
        verdicts.reject,
        VerdictShape,
        body=RejectBody,
    ),
    Operation(
        "GET",
        "/api/weeks",
        "listWeeks",
        "The weeks, the newest first.",
        reads.weeks,
        WeeksPageShape,
        WeeksQuery,
    ),
    Operation(
        "GET",
        "/api/weeks/{week_id}",
        "getWeek",
        "One week: research, pitches, blind reviews, decision, trades, cost.",
        reads.week,
        WeekShape,
    ),
    Operation(
        "GET",
        "/api/leaderboard",
        "getLeaderboard",
        "Who is ahead over all weeks, and what each stage is worth.",
        reads.leaderboard,
        LeaderboardShape,
    ),
    Operation(
        "GET",
        "/api/costs",
        "getCosts",
        "What calls to models cost, the caps, and a forecast.",
        reads.costs,
        CostsShape,
        WeekQuery,
    ),
    Operation(
        "GET",
        "/api/events",
        "listEvents",
        "The events of the log, by position.",
        reads.events,
        EventsPageShape,
        EventsQuery,
    ),
    Operation(
        "GET",
        "/api/status",
        "getStatus",
        "Mode, venues, accounts, positions and the week in force.",
        reads.status,
        StatusShape,
    ),
)
"""All operations but the one that returns the document itself."""
