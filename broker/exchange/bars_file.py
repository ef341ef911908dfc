"""Files of daily or minute bars, CSV or Parquet: the wrong is refused by row, the odd is noted.

Columns, in any order, others ignored: `date` (the session's day in New York, YYYY-MM-DD) for daily
bars, or `time` (an instant with its offset) for minute bars; `symbol`; `open`, `high`, `low` and
`close` in US dollars, adjusted for splits and dividends if returns are to be right; `volume` in
shares.

A row is numbered as an editor shows it: a CSV's header is row 1; Parquet rows count from 1. A row
that no market can have printed, or that contradicts an earlier one, refuses the whole file. Noted
and left out are rows that say the same prices twice, rows without any price (a gap written down),
unknown symbols and rows outside sessions; noted are the gaps, and leaps as of a split that nobody
adjusted.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker.exchange.errors import BarsFileUnusable
from broker.exchange.paths import MinuteBars, Ohlcv
from config.market_calendar import MarketCalendar, Session

if TYPE_CHECKING:
    import pandas as pd

PRICE_COLUMNS = ("open", "high", "low", "close")
MAX_ROWS_NAMED = 5
_PRICE_DECIMALS = 6
_ROUNDING_USD = 0.0002
"""How far adjusted prices may leave their own low and high, which were rounded on their own."""
_LEAP = 1.8
"""A close so many times the one before, up or down, looks like a split: no fund here moves so."""
_OFFSET = r"(?:Z|[+-]\d{2}:?\d{2})$"


@dataclass(frozen=True, slots=True)
class FileBars:
    """A file's bars by (symbol, New York date): either `days` or `minutes` is filled."""

    days: dict[tuple[str, date], Ohlcv]
    minutes: dict[tuple[str, date], MinuteBars]
    notices: tuple[str, ...]


def read_bars_file(
    path: Path, calendar: MarketCalendar, *, known: Collection[str] | None = None
) -> FileBars:
    """Read the bars of `path`, of the `known` symbols only where these are given.

    Raises:
        BarsFileUnusable: The file is missing, is neither kind of table, or has rows that are wrong.
    """
    table = _read_table(path)
    key = _key_column(path, table)
    typed = _typed(table, key)
    empty = table[list(PRICE_COLUMNS)].isna().all(axis=1)
    _refuse_wrong_rows(path, typed[~empty], unparsed_time=_bad_times(table, key)[~empty])
    repeats = typed[~empty].duplicated(["at", "symbol"])
    notices = _rows_notice(path.name, typed.index[empty], "no price")
    notices += _rows_notice(path.name, repeats.index[repeats], "the prices of an earlier row")
    unknown = _unknown_symbols(typed, known)
    notices += [f"{path.name}: symbol {symbol} is unknown and ignored." for symbol in unknown]
    kept = _largest_of_repeats(typed[~empty & ~typed["symbol"].isin(unknown)])
    _refuse_nothing(path, kept)
    collect = _daily if key == "date" else _by_minute
    return collect(path.name, kept, calendar=calendar, notices=notices)


def _read_table(path: Path) -> "pd.DataFrame":
    """Return the file's rows indexed by row number; CSV cells stay text."""
    import pandas as pd  # noqa: PLC0415 half a second that only users of files pay

    is_parquet = path.suffix.lower() in {".parquet", ".pq"}
    try:
        table = (
            pd.read_parquet(path)
            if is_parquet
            else pd.read_csv(path, dtype=str, skip_blank_lines=False)
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BarsFileUnusable(f"The bars file {path} cannot be read: {reason}.") from error
    except ValueError as error:
        kind = "a Parquet file" if is_parquet else "a CSV file with a header"
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise BarsFileUnusable(f"The bars file {path.name} is not {kind}: {reason}.") from error
    table = table.reset_index(drop=True)
    table.index = table.index + (1 if is_parquet else 2)
    return table.dropna(how="all")


def _key_column(path: Path, table: "pd.DataFrame") -> str:
    key = "time" if "time" in table.columns else "date"
    wanted = (key, "symbol", *PRICE_COLUMNS, "volume")
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise BarsFileUnusable(
            f"The bars file {path.name} lacks the column {', '.join(missing)}: "
            "give date (or time), symbol, open, high, low, close and volume."
        )
    return key


def _typed(table: "pd.DataFrame", key: str) -> "pd.DataFrame":
    """Return times as UTC instants (days as UTC midnights), prices as floats, bad cells as null."""
    import pandas as pd  # noqa: PLC0415 see above

    typed = pd.DataFrame(index=table.index)
    typed["at"] = pd.to_datetime(table[key], utc=True, errors="coerce", format="ISO8601")
    typed["symbol"] = table["symbol"].astype("object").fillna("").astype("str").str.strip()
    for column in PRICE_COLUMNS:
        prices = pd.to_numeric(table[column], errors="coerce")
        typed[column] = prices.astype("float64").round(_PRICE_DECIMALS)
    typed["volume"] = pd.to_numeric(table["volume"], errors="coerce").astype("float64")
    return typed


def _bad_times(table: "pd.DataFrame", key: str) -> "pd.Series[bool]":
    """Say which rows carry a time without an offset, or a date with more than a day in it."""
    import pandas as pd  # noqa: PLC0415 see above

    cells = table[key]
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        return pd.Series(False, index=cells.index)
    written = cells.astype("str")
    if key == "time":
        return ~written.str.contains(_OFFSET, na=False)
    return ~written.str.fullmatch(r"\d{4}-\d{2}-\d{2}(?:[ T]00:00:00)?", na=False)


def _refuse_wrong_rows(
    path: Path, typed: "pd.DataFrame", *, unparsed_time: "pd.Series[bool]"
) -> None:
    found: dict[int, str] = {}
    for wrong, complaint in _checks(typed, unparsed_time):
        for row in typed.index[wrong.to_numpy(dtype=bool)]:
            found.setdefault(int(row), complaint)
    if not found:
        return
    named = [f"row {row} {found[row]}" for row in sorted(found)[:MAX_ROWS_NAMED]]
    more = f" and {len(found) - len(named)} more" if len(found) > len(named) else ""
    raise BarsFileUnusable(
        f"The bars file {path.name} has {len(found)} wrong row{'s' if len(found) > 1 else ''}: "
        f"{'; '.join(named)}{more}. Mend or remove them."
    )


def _checks(
    typed: "pd.DataFrame", unparsed_time: "pd.Series[bool]"
) -> "Iterator[tuple[pd.Series[bool], str]]":
    """Yield each rule's offending rows with what is said about them, the gravest first."""
    import numpy as np  # noqa: PLC0415 see above

    prices = typed[list(PRICE_COLUMNS)]
    low, high = typed["low"] - _ROUNDING_USD, typed["high"] + _ROUNDING_USD
    unfit = ~np.isfinite(prices) | (prices <= 0)
    yield typed["at"].isna() | unparsed_time, "has no date (YYYY-MM-DD) or no time with an offset"
    yield typed["symbol"] == "", "has no symbol"
    yield unfit.any(axis=1), "has a price that is no positive number"
    yield typed["high"] < typed["low"], "has a high below its low"
    for column in ("open", "close"):
        outside = (typed[column] < low) | (typed[column] > high)
        yield outside, f"has its {column} outside its low and high"
    volume = typed["volume"]
    yield ~(np.isfinite(volume) & (volume >= 0)), "has a volume that is no number from 0 up"
    first = typed.groupby(["at", "symbol"])[list(PRICE_COLUMNS)].transform("first")
    contradicts = typed.duplicated(["at", "symbol"]) & (first != prices).any(axis=1)
    yield contradicts, "has other prices than an earlier row of its symbol and time"


def _rows_notice(name: str, rows: "pd.Index[int]", complaint: str) -> list[str]:
    if rows.empty:
        return []
    named = ", ".join(str(row) for row in rows[:MAX_ROWS_NAMED])
    more = f" and {len(rows) - MAX_ROWS_NAMED} more" if len(rows) > MAX_ROWS_NAMED else ""
    return [f"{name}: row {named}{more} with {complaint} ignored."]


def _largest_of_repeats(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Keep of rows that say the same prices the one that counted the most shares."""
    by_volume = rows.sort_values("volume", kind="stable")
    return by_volume.drop_duplicates(["at", "symbol"], keep="last").sort_index()


def _unknown_symbols(typed: "pd.DataFrame", known: Collection[str] | None) -> list[str]:
    present = sorted(typed["symbol"].unique())
    return [] if known is None else [symbol for symbol in present if symbol not in known]


def _refuse_nothing(path: Path, kept: "pd.DataFrame") -> None:
    if kept.empty:
        raise BarsFileUnusable(
            f"The bars file {path.name} has no bars of a known symbol: check its symbol column."
        )


def _daily(
    name: str, rows: "pd.DataFrame", *, calendar: MarketCalendar, notices: list[str]
) -> FileBars:
    """Index daily bars by date; dates without a session are noted and left out."""
    days: dict[tuple[str, date], Ohlcv] = {}
    strays: list[str] = []
    for at, symbol, bar in _bars(rows):
        if calendar.session_on(at.date()):
            days[(symbol, at.date())] = bar
        else:
            strays.append(f"{symbol} {at.date()}")
    notices += _strays_notice(name, strays) + _missing_days(name, list(days), calendar)
    notices += _leaps_notice(name, days)
    return FileBars(days, {}, tuple(notices))


def _by_minute(
    name: str, rows: "pd.DataFrame", *, calendar: MarketCalendar, notices: list[str]
) -> FileBars:
    """Index minute bars by session; minutes outside sessions are noted and left out."""
    found: dict[tuple[str, date], dict[int, Ohlcv]] = {}
    strays: list[str] = []
    for at, symbol, bar in _bars(rows.sort_values("at", kind="stable")):
        session = calendar.open_session(at)
        if session is None or at.second or at.microsecond:
            strays.append(f"{symbol} {at.isoformat()}")
            continue
        minute = int((at - session.open_at).total_seconds() // 60)
        found.setdefault((symbol, session.session_on), {})[minute] = bar
    notices += _strays_notice(name, strays) + _missing_minutes(name, found, calendar)
    minutes = {key: MinuteBars(tuple(bars), tuple(bars.values())) for key, bars in found.items()}
    return FileBars({}, minutes, tuple(notices))


def _bars(rows: "pd.DataFrame") -> Iterator[tuple[Any, str, Ohlcv]]:
    """Yield (timestamp, symbol, bar); low and high are widened by the forgiven rounding."""
    columns = (rows[column].tolist() for column in (*PRICE_COLUMNS, "volume"))
    instants = rows["at"].dt.to_pydatetime()
    for at, symbol, *prices, volume in zip(instants, rows["symbol"], *columns, strict=True):
        first, high, low, last = prices
        yield (
            at,
            symbol,
            Ohlcv(first, max(high, first, last), min(low, first, last), last, int(volume)),
        )


def _strays_notice(name: str, strays: list[str]) -> list[str]:
    if not strays:
        return []
    return [
        f"{name}: {len(strays)} rows lie outside the sessions of XNYS and are ignored, "
        f"the first is {strays[0]}."
    ]


def _missing_days(
    name: str, present: list[tuple[str, date]], calendar: MarketCalendar
) -> list[str]:
    """Name per symbol the sessions that its own range skips."""
    notices = []
    for symbol in sorted({symbol for symbol, _ in present}):
        days = {day for other, day in present if other == symbol}
        expected = calendar.between(min(days), max(days))
        gaps = [one.session_on for one in expected if one.session_on not in days]
        if gaps:
            notices.append(f"{name}: {symbol} lacks {len(gaps)} sessions, the first is {gaps[0]}.")
    return notices


def _leaps_notice(name: str, days: dict[tuple[str, date], Ohlcv]) -> list[str]:
    """Name per symbol the first day whose close is out of all proportion to the one before."""
    notices = []
    for symbol in sorted({symbol for symbol, _ in days}):
        own = sorted(day for other, day in days if other == symbol)
        closes = [days[symbol, day].close for day in own]
        for day, before, after in zip(own[1:], closes, closes[1:], strict=False):
            if max(after / before, before / after) >= _LEAP:
                times = f"{after / before:.3g} times the close before it"
                notices.append(
                    f"{name}: {symbol} closes on {day} at {times}: if that is a split, bring "
                    "adjusted prices."
                )
                break
    return notices


def _missing_minutes(
    name: str, found: dict[tuple[str, date], dict[int, Ohlcv]], calendar: MarketCalendar
) -> list[str]:
    """Name per symbol the session minutes that its own range skips."""
    notices = []
    for symbol in sorted({symbol for symbol, _ in found}):
        own = {day: minutes for (other, day), minutes in found.items() if other == symbol}
        gaps = [
            (session, minute)
            for session in calendar.between(min(own), max(own))
            for minute in _gaps_of(session, own)
        ]
        if gaps:
            session, minute = gaps[0]
            notices.append(
                f"{name}: {symbol} lacks {len(gaps)} minutes, "
                f"the first is minute {minute} after the open of {session.session_on}."
            )
    return notices


def _gaps_of(session: Session, own: dict[date, dict[int, Ohlcv]]) -> Iterator[int]:
    """Yield the missing minutes of `session` between the symbol's first and last bar."""
    have = own.get(session.session_on, {})
    length = int((session.close_at - session.open_at).total_seconds() // 60)
    first = min(have) if session.session_on == min(own) else 0
    last = max(have) if session.session_on == max(own) else length - 1
    return (minute for minute in range(first, last + 1) if minute not in have)
