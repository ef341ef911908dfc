"""Alpaca's routes for an account itself: worth, settings, history, activities."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.exchange.account_wire import (
    account_json,
    configuration_json,
    execution_json,
    history_json,
)
from broker.exchange.answers import JsonAnswer
from broker.exchange.desk import TradingDesk
from broker.exchange.history_query import history_range
from broker.exchange.hours import TradingHours
from broker.exchange.order_body import decoded
from broker.exchange.query import account_of, bad_field, choice, count, id_or_none, instant_or_none
from broker.exchange.query import words as words_of
from broker.exchange.rows import ExecutionFilter
from config.clock import NEW_YORK, Clock

MOST_ACTIVITIES_LISTED = 100
FILL = "FILL"
"""The only activity here: no dividends, no fees, no transfers."""
_ACTIVITY_TYPE = re.compile(r"[A-Z]{2,8}")
_DAY = timedelta(days=1)


class AccountApi:
    """Endpoints for an account."""

    def __init__(self, desk: TradingDesk, *, clock: Clock, hours: TradingHours) -> None:
        self._desk = desk
        self._clock = clock
        self._hours = hours

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        settings = "/v2/account/configurations"
        return [
            Route("/v2/account", self._account, methods=["GET"]),
            Route(settings, self._configuration, methods=["GET"]),
            Route(settings, self._configure, methods=["PATCH"]),
            Route("/v2/account/portfolio/history", self._history, methods=["GET"]),
            Route("/v2/account/activities", self._activities, methods=["GET"]),
            Route("/v2/account/activities/{activity_type}", self._activities, methods=["GET"]),
        ]

    async def _account(self, request: Request) -> Response:
        return JsonAnswer(account_json(await self._desk.reports.account(account_of(request))))

    async def _configuration(self, request: Request) -> Response:
        configuration = await self._desk.configuration(account_of(request))
        return JsonAnswer(configuration_json(configuration))

    async def _configure(self, request: Request) -> Response:
        wanted = decoded(await request.body())
        if not isinstance(wanted, dict):
            raise bad_field("invalid body")
        configuration = await self._desk.configure(account_of(request), wanted)
        return JsonAnswer(configuration_json(configuration))

    async def _history(self, request: Request) -> Response:
        wanted = history_range(request, self._hours, self._clock.now())
        report = await self._desk.reports.history(account_of(request), wanted)
        return JsonAnswer(history_json(report.history, report.base_on))

    async def _activities(self, request: Request) -> Response:
        chosen = _execution_filter(request)
        if FILL not in _wanted_types(request):
            return JsonAnswer([])
        executions = await self._desk.reports.executions(account_of(request), chosen)
        return JsonAnswer([execution_json(execution) for execution in executions])


def _wanted_types(request: Request) -> tuple[str, ...]:
    """Return the activity types that the path or the query names: all of them where none does."""
    one = request.path_params.get("activity_type")
    named = (one,) if one else words_of(request, "activity_types")
    for name in named:
        if not _ACTIVITY_TYPE.fullmatch(name):
            raise bad_field(f"invalid activity type: {name}")
    category = choice(request, "category", ("", "trade_activity", "non_trade_activity"))
    if named and category:
        raise bad_field("only one of activity_types or category is accepted")
    return () if category == "non_trade_activity" else named or (FILL,)


def _execution_filter(request: Request) -> ExecutionFilter:
    after, until = instant_or_none(request, "after"), instant_or_none(request, "until")
    day = instant_or_none(request, "date")
    if day and (after or until):
        raise bad_field("only one of date or after/until is accepted")
    if day:
        midnight = datetime.combine(day.date(), datetime.min.time(), NEW_YORK)
        # The borders are exclusive, and a fill at midnight belongs to the day that begins.
        after, until = midnight - timedelta(microseconds=1), midnight + _DAY
    return ExecutionFilter(
        limit=count(
            request, "page_size", most=MOST_ACTIVITIES_LISTED, default=MOST_ACTIVITIES_LISTED
        ),
        after=after,
        until=until,
        oldest_first=choice(request, "direction", ("desc", "asc")) == "asc",
        order_id=id_or_none(request, "order_id"),
        beyond=_page_token(request),
    )


def _page_token(request: Request) -> UUID | None:
    """Return the execution that the last page ended with: the second half of an activity's id."""
    token = request.query_params.get("page_token")
    try:
        return UUID(token.partition("::")[2]) if token else None
    except ValueError as error:
        raise bad_field(f"invalid page_token: {token}") from error
