"""Writes daily bars as a Parquet file that `broker.exchange.bars_file` reads."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from broker.exchange.errors import BarsFileUnusable
from broker.models import Bar
from config.clock import NEW_YORK


def write_daily_bars(path: Path, bars: Iterable[Bar]) -> None:
    """Write `bars` in one step: `path` is as it was, or holds all of them.

    Raises:
        BarsFileUnusable: the folder cannot be written.
    """
    import pyarrow  # noqa: PLC0415 only who writes a file pays for it
    from pyarrow import parquet  # noqa: PLC0415 as above

    ordered = sorted(bars, key=lambda bar: (bar.start_at, bar.symbol))
    columns = {
        "date": [bar.start_at.astimezone(NEW_YORK).date() for bar in ordered],
        "symbol": [bar.symbol for bar in ordered],
        **{
            name: [float(getattr(bar, name)) for bar in ordered]
            for name in ("open", "high", "low", "close")
        },
        "volume": [bar.volume for bar in ordered],
    }
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            parquet.write_table(pyarrow.table(columns), fresh)
            fresh.replace(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BarsFileUnusable(f"The bars cannot be kept as {path}: {reason}.") from error
