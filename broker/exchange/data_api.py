"""The routes of Alpaca's stock market data: bars, latest quotes, trades and bars, snapshots."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import chain, islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.exchange.errors import RequestRefused
from broker.exchange.rules import BAD_FIELD
from broker.exchange.tape import BarRange, Tape, Timeframe
from broker.exchange.wire import (
    Json,
    bar_json,
    page_token,
    parsed_instant,
    parsed_page_token,
    quote_json,
    snapshot_json,
    trade_json,
)
from broker.models import Bar
from config.clock import NEW_YORK

MAX_BARS_A_PAGE = 10_000
_DEFAULT_BARS_A_PAGE = 1_000
_TIMEFRAMES: dict[str, Timeframe] = {
    **{"1Min": "1Min", "1T": "1Min"},
    **{"1Day": "1Day", "1D": "1Day"},
}


class DataApi:
    """Endpoints over the tape; as at Alpaca, answers leave out a symbol without prices."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def routes(self) -> Sequence[Route]:
        """Return the routes under /v2/stocks."""
        return [
            Route("/v2/stocks/bars", self._bars),
            Route("/v2/stocks/bars/latest", self._latest_bars),
            Route("/v2/stocks/quotes/latest", self._latest_quotes),
            Route("/v2/stocks/trades/latest", self._latest_trades),
            Route("/v2/stocks/snapshots", self._snapshots),
        ]

    async def _bars(self, request: Request) -> Response:
        wanted, limit = self._range(request), _limit(request)
        found = list(islice(self._pages(request, wanted), limit + 1))
        page: dict[str, list[Json]] = {}
        for bar in found[:limit]:
            page.setdefault(bar.symbol, []).append(bar_json(bar))
        last = found[limit - 1] if len(found) > limit else None
        token = page_token(last.symbol, last.start_at) if last else None
        return JSONResponse({"bars": page, "next_page_token": token})

    async def _latest_bars(self, request: Request) -> Response:
        return _by_symbol(request, "bars", self._latest_bar_json)

    async def _latest_quotes(self, request: Request) -> Response:
        return _by_symbol(request, "quotes", self._quote_json)

    async def _latest_trades(self, request: Request) -> Response:
        return _by_symbol(request, "trades", self._trade_json)

    async def _snapshots(self, request: Request) -> Response:
        found = {symbol: self._tape.snapshot(symbol) for symbol in _symbols(request)}
        return JSONResponse({symbol: snapshot_json(one) for symbol, one in found.items() if one})

    def _latest_bar_json(self, symbol: str) -> Json | None:
        bar = self._tape.latest_minute(symbol)
        return bar_json(bar) if bar else None

    def _quote_json(self, symbol: str) -> Json | None:
        quote = self._tape.quote(symbol)
        return quote_json(quote) if quote else None

    def _trade_json(self, symbol: str) -> Json | None:
        trade = self._tape.trade(symbol)
        return trade_json(trade) if trade else None

    def _range(self, request: Request) -> BarRange:
        asked, now = request.query_params, self._tape.now()
        timeframe = _TIMEFRAMES.get(asked.get("timeframe", ""))
        if timeframe is None:
            raise RequestRefused(400, BAD_FIELD, "invalid timeframe: give 1Min or 1Day")
        start, end = asked.get("start"), asked.get("end")
        return BarRange(
            timeframe=timeframe,
            start_at=parsed_instant(start, "start") if start else _today(now),
            end_at=parsed_instant(end, "end") if end else now,
            newest_first=asked.get("sort") == "desc",
        )

    def _pages(self, request: Request, wanted: BarRange) -> Iterator[Bar]:
        """Yield the bars that come after the page token, symbol by symbol."""
        token = request.query_params.get("page_token")
        symbols = sorted(_symbols(request))
        if token is None:
            return (bar for symbol in symbols for bar in self._tape.bars(symbol, wanted))
        reached, at = parsed_page_token(token)
        remaining = (
            replace(wanted, end_at=at) if wanted.newest_first else replace(wanted, start_at=at)
        )
        rest = self._tape.bars(reached, remaining)
        later = (symbol for symbol in symbols if symbol > reached)
        return chain(
            (bar for bar in rest if bar.start_at != at),
            (bar for symbol in later for bar in self._tape.bars(symbol, wanted)),
        )


def _by_symbol(request: Request, word: str, spelled: Callable[[str], Json | None]) -> JSONResponse:
    found = {symbol: spelled(symbol) for symbol in _symbols(request)}
    return JSONResponse({word: {symbol: one for symbol, one in found.items() if one}})


def _symbols(request: Request) -> tuple[str, ...]:
    symbols = dict.fromkeys(filter(None, request.query_params.get("symbols", "").split(",")))
    if not symbols:
        raise RequestRefused(400, BAD_FIELD, "symbols is required")
    return tuple(symbols)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(_DEFAULT_BARS_A_PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_BARS_A_PAGE:
        raise RequestRefused(400, BAD_FIELD, f"limit must be from 1 to {MAX_BARS_A_PAGE}")
    return int(text)


def _today(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(NEW_YORK).date(), time(), NEW_YORK).astimezone(UTC)
