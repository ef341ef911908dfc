"""Alpaca's routes that are the same for every account: assets, clock and calendar."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.exchange.answers import JsonAnswer
from broker.exchange.desk import NOT_FOUND, TradingDesk
from broker.exchange.errors import RequestRefused
from broker.exchange.hours import TradingHours
from broker.exchange.query import choice, day_or, words
from broker.exchange.rules import AssetRules
from broker.exchange.wire import Json, asset_json, calendar_json
from config.clock import NEW_YORK, Clock
from config.ids import meaning_id
from config.market_calendar import FIRST_DAY, LAST_DAY, Session

_LONGEST_BREAK = timedelta(days=14)
"""No two sessions lie further apart."""


class AssetsApi:
    """Endpoints for instruments and time.

    Alpaca is dropping the field `easy_to_borrow`, which its own SDK requires: a switch decides.
    """

    def __init__(
        self, desk: TradingDesk, *, clock: Clock, hours: TradingHours, sends_easy_to_borrow: bool
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._hours = hours
        self._sends_easy_to_borrow = sends_easy_to_borrow

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route("/v2/assets", self._list, methods=["GET"]),
            Route("/v2/assets/{symbol}", self._get, methods=["GET"]),
            Route("/v2/clock", self._market_clock, methods=["GET"]),
            Route("/v2/calendar", self._calendar, methods=["GET"]),
        ]

    async def _list(self, request: Request) -> Response:
        known = (self._desk.reports.asset(symbol) for symbol in self._desk.reports.symbols)
        rows = [self._json(asset) for asset in known if asset]
        filters = {"status": "status", "asset_class": "class", "exchange": "exchange"}
        for parameter, column in filters.items():
            wanted = request.query_params.get(parameter)
            rows = [row for row in rows if wanted in {None, row[column]}]
        attributes = set(words(request, "attributes"))
        if attributes:
            rows = [row for row in rows if attributes & set(row["attributes"])]
        return JsonAnswer(rows)

    async def _get(self, request: Request) -> Response:
        complaint = f"asset not found for {request.path_params['symbol']}"
        return JsonAnswer(self._json(known_asset(self._desk, request, complaint=complaint)))

    async def _market_clock(self, _request: Request) -> Response:
        now = self._clock.now()
        next_open_at = self._hours.calendar.next_to_open(now).open_at
        next_close_at = self._hours.calendar.next_to_close(now).close_at
        return JsonAnswer(
            {
                "timestamp": now.astimezone(NEW_YORK).isoformat(),
                "is_open": self._hours.is_open(now),
                "next_open": next_open_at.astimezone(NEW_YORK).isoformat(),
                "next_close": next_close_at.astimezone(NEW_YORK).isoformat(),
            }
        )

    async def _calendar(self, request: Request) -> Response:
        start_on = day_or(request, "start", FIRST_DAY)
        end_on = day_or(request, "end", LAST_DAY)
        by_settlement = choice(request, "date_type", ("TRADING", "SETTLEMENT")) == "SETTLEMENT"
        rows = [
            calendar_json(session, self._hours.widened(session), settled_on)
            for session, settled_on in self._settled(start_on, end_on)
            if start_on <= (settled_on if by_settlement else session.session_on) <= end_on
        ]
        return JsonAnswer(rows)

    def _settled(self, start_on: date, end_on: date) -> Iterable[tuple[Session, date]]:
        """Yield the sessions around a range with the next one's date, when their trades settle."""
        first_on = max(start_on, FIRST_DAY + _LONGEST_BREAK) - _LONGEST_BREAK
        last_on = min(end_on, LAST_DAY - _LONGEST_BREAK) + _LONGEST_BREAK
        sessions = self._hours.calendar.between(first_on, last_on)
        return ((session, after.session_on) for session, after in pairwise(sessions))

    def _json(self, asset: AssetRules) -> Json:
        return asset_json(asset, sends_easy_to_borrow=self._sends_easy_to_borrow)


def known_asset(desk: TradingDesk, request: Request, *, complaint: str) -> AssetRules:
    """Return the asset that the path names by symbol or id; raises RequestRefused (404)."""
    named = request.path_params["symbol"]
    by_id = {str(meaning_id("exchange-asset", one)): one for one in desk.reports.symbols}
    asset = desk.reports.asset(by_id.get(named, named))
    if asset is None:
        raise RequestRefused(404, NOT_FOUND, complaint)
    return asset
