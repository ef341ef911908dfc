"""The routes of Alpaca's stock market data: bars, quotes, trades, their newest, snapshots.

There is one tape and nothing is ever split: every feed and every adjustment says the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import chain, islice
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.exchange.answers import JsonAnswer
from broker.exchange.errors import RequestRefused
from broker.exchange.query import whole_number
from broker.exchange.rules import BAD_FIELD
from broker.exchange.tape import Tape, TapeRange
from broker.exchange.timeframes import Timeframe, parsed_timeframe
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
from config.clock import NEW_YORK

MOST_A_PAGE = 10_000
_DEFAULT_A_PAGE = 1_000
_FEEDS = ("iex", "sip", "delayed_sip", "boats", "overnight", "otc")
_ADJUSTMENTS = frozenset({"raw", "split", "dividend", "spin-off", "all"})


class _Row(NamedTuple):
    """One entry of a page; a tuple, as a page may have thousands."""

    symbol: str
    at: datetime
    content: Json


Series = Callable[[str, TapeRange], Iterator[_Row]]


class DataApi:
    """Endpoints over the tape; as at Alpaca, answers leave out a symbol without prices."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def routes(self) -> Sequence[Route]:
        """Return the routes under /v2/stocks."""
        return [
            Route("/v2/stocks/bars", self._bars),
            Route("/v2/stocks/quotes", self._quotes),
            Route("/v2/stocks/trades", self._trades),
            Route("/v2/stocks/bars/latest", self._latest_bars),
            Route("/v2/stocks/quotes/latest", self._latest_quotes),
            Route("/v2/stocks/trades/latest", self._latest_trades),
            Route("/v2/stocks/snapshots", self._snapshots),
        ]

    async def _bars(self, request: Request) -> Response:
        timeframe = _timeframe(request)
        _check_adjustment(request)

        def bars(symbol: str, wanted: TapeRange) -> Iterator[_Row]:
            found = self._tape.bars(symbol, timeframe, wanted)
            return (_Row(symbol, bar.start_at, bar_json(bar)) for bar in found)

        return self._page(request, "bars", bars)

    async def _quotes(self, request: Request) -> Response:
        def quotes(symbol: str, wanted: TapeRange) -> Iterator[_Row]:
            found = self._tape.quotes(symbol, wanted)
            return (_Row(symbol, quote.at, quote_json(quote)) for quote in found)

        return self._page(request, "quotes", quotes)

    async def _trades(self, request: Request) -> Response:
        def trades(symbol: str, wanted: TapeRange) -> Iterator[_Row]:
            found = self._tape.trades(symbol, wanted)
            return (_Row(symbol, trade.at, trade_json(trade)) for trade in found)

        return self._page(request, "trades", trades)

    async def _latest_bars(self, request: Request) -> Response:
        return _by_symbol(request, "bars", self._latest_bar_json)

    async def _latest_quotes(self, request: Request) -> Response:
        return _by_symbol(request, "quotes", self._quote_json)

    async def _latest_trades(self, request: Request) -> Response:
        return _by_symbol(request, "trades", self._trade_json)

    async def _snapshots(self, request: Request) -> Response:
        found = {symbol: self._tape.snapshot(symbol) for symbol in _symbols(request)}
        return JsonAnswer({symbol: snapshot_json(one) for symbol, one in found.items() if one})

    def _latest_bar_json(self, symbol: str) -> Json | None:
        bar = self._tape.latest_minute(symbol)
        return bar_json(bar) if bar else None

    def _quote_json(self, symbol: str) -> Json | None:
        quote = self._tape.quote(symbol)
        return quote_json(quote) if quote else None

    def _trade_json(self, symbol: str) -> Json | None:
        trade = self._tape.trade(symbol)
        return trade_json(trade) if trade else None

    def _page(self, request: Request, word: str, series: Series) -> Response:
        """Answer with one page: the limit counts over all symbols, which follow each other."""
        wanted, limit = _range(request, self._tape.now()), _limit(request)
        found = list(islice(_rows(request, wanted, series), limit + 1))
        page: dict[str, list[Json]] = {}
        for row in found[:limit]:
            page.setdefault(row.symbol, []).append(row.content)
        last = found[limit - 1] if len(found) > limit else None
        token = page_token(last.symbol, last.at) if last else None
        return JsonAnswer({word: page, "next_page_token": token})


def _rows(request: Request, wanted: TapeRange, series: Series) -> Iterator[_Row]:
    """Yield the rows that come after the page token, symbol by symbol."""
    token = request.query_params.get("page_token")
    symbols = sorted(_symbols(request))
    if not token:
        return (row for symbol in symbols for row in series(symbol, wanted))
    reached, at = parsed_page_token(token)
    remaining = replace(wanted, end_at=at) if wanted.newest_first else replace(wanted, start_at=at)
    later = (symbol for symbol in symbols if symbol > reached)
    return chain(
        (row for row in series(reached, remaining) if row.at != at),
        (row for symbol in later for row in series(symbol, wanted)),
    )


def _range(request: Request, now: datetime) -> TapeRange:
    asked = request.query_params
    start, end, order = asked.get("start"), asked.get("end"), asked.get("sort", "asc")
    wanted = TapeRange(
        start_at=parsed_instant(start, "start") if start else _today(now),
        end_at=parsed_instant(end, "end") if end else now,
        newest_first=order == "desc",
    )
    if order not in {"asc", "desc"}:
        raise RequestRefused(400, BAD_FIELD, f"invalid sort: {order}")
    if start and end and wanted.end_at < wanted.start_at:
        raise RequestRefused(400, BAD_FIELD, "end should not be before start")
    return wanted


def _timeframe(request: Request) -> Timeframe:
    text = request.query_params.get("timeframe", "")
    timeframe = parsed_timeframe(text)
    if timeframe is None:
        raise RequestRefused(400, BAD_FIELD, f"invalid timeframe: {text}")
    return timeframe


def _check_adjustment(request: Request) -> None:
    asked = request.query_params.get("adjustment") or "raw"
    if not set(asked.split(",")) <= _ADJUSTMENTS:
        raise RequestRefused(400, BAD_FIELD, f"invalid adjustment: {asked}")


def _by_symbol(request: Request, word: str, spelled: Callable[[str], Json | None]) -> Response:
    found = {symbol: spelled(symbol) for symbol in _symbols(request)}
    return JsonAnswer({word: {symbol: one for symbol, one in found.items() if one}})


def _symbols(request: Request) -> tuple[str, ...]:
    """Return the symbols, each once; every route asks for them, so the feed is checked here."""
    feed = request.query_params.get("feed") or "iex"
    if feed not in _FEEDS:
        raise RequestRefused(400, BAD_FIELD, f"invalid feed: {feed}")
    symbols = dict.fromkeys(filter(None, request.query_params.get("symbols", "").split(",")))
    if not symbols:
        raise RequestRefused(400, BAD_FIELD, "symbols is required")
    return tuple(symbols)


def _limit(request: Request) -> int:
    limit = whole_number(request.query_params.get("limit", str(_DEFAULT_A_PAGE)))
    if not 1 <= limit <= MOST_A_PAGE:
        raise RequestRefused(400, BAD_FIELD, f"limit must be from 1 to {MOST_A_PAGE}")
    return limit


def _today(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(NEW_YORK).date(), time(), NEW_YORK).astimezone(UTC)
