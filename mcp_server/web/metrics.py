"""`/metrics` in Prometheus's text format: what the record says, and what this process has counted.

Nothing is kept up for it: the record is read when somebody asks, of the calls to models only what
is new since the last time. No label can take a value that comes from outside.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

from config import telemetry
from config.errors import CouncilError
from config.telemetry import METRICS, TALLIES, Metric
from council.codec import to_fact
from council.events import ModelCalled
from council.slot_facts import SlotDone, SlotSkipped
from mcp_server.duties import sends_orders
from mcp_server.host import Host
from mcp_server.stop_shapes import StopsShape
from mcp_server.stopping import read_stops
from mcp_server.wiring import App

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

_TIMEOUT: Final = timedelta(seconds=5)
"""For the database; a scrape is given up after ten."""
_KINDS: Final = tuple(kind.__name__ for kind in (ModelCalled, SlotDone, SlotSkipped))
_Values = Mapping[Any, float]
"""By the values of the labels, in their order."""
_MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(slots=True)
class _Told:
    """What the log says of models and slots until `position`: it only ever grows."""

    position: int = 0
    calls: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """By model and outcome."""
    usd: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    slots: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """By job and what became of it."""

    async def read_on(self, app: App) -> None:
        """Count what was stored since the last time."""
        async for event in app.deps.store.read_all(self.position, event_types=_KINDS):
            match to_fact(event):
                case ModelCalled() as called:
                    self.calls[called.requested_model, called.outcome] += 1
                    self.usd[called.requested_model] += float(called.cost_usd or 0)
                case SlotDone() as done:
                    self.slots[done.job, "done"] += 1
                case SlotSkipped() as skipped:
                    self.slots[skipped.job, "skipped"] += 1
            self.position = event.position


@dataclass(frozen=True, slots=True)
class _Record:
    """What the database says at one moment."""

    trades: dict[tuple[Any, ...], int]
    orders: dict[tuple[Any, ...], int]
    head: int
    stops: StopsShape


class Metrics:
    """The route, on the app that `host` holds open."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._told = _Told()
        self._turn = asyncio.Lock()

    async def metrics(self, _: Request) -> Response:
        """Say how everything stands; without a database what this process knows of itself."""
        # The library is wanted by whoever watches, and by nobody else.
        from prometheus_client import generate_latest  # noqa: PLC0415

        async with self._turn:
            record = await self._record()
            families = [*self._of_record(record), *_of_process(), *self._of_host()]
        text = await asyncio.to_thread(generate_latest, _Collected(families))
        return Response(text, media_type=_MEDIA_TYPE, headers=_HEADERS)

    async def _record(self) -> _Record | None:
        if not self._host.is_open:
            return None
        app = await self._host.app()
        try:
            async with asyncio.timeout(_TIMEOUT.total_seconds()):
                await self._told.read_on(app)
                return await _read(app)
        except (CouncilError, TimeoutError):
            return None

    def _of_record(self, record: _Record | None) -> Iterator["Family"]:
        yield _gauge("council_database_up", "Whether the database answers.", record is not None)
        if record is None:
            return
        yield _gauge("council_events_head", "Position of the newest event.", record.head)
        trades, orders = _by_status(record.trades), _by_status(record.orders)
        yield _gauges("council_trades", "Trades by status.", ("status",), trades)
        pending = trades.get(("pending",), 0)
        yield _gauge("council_pending_trades", "Trades that wait for a person.", pending)
        yield _gauges("council_orders", "Orders by status.", ("status",), orders)
        yield from _of_stops(record.stops)
        yield from self._of_log()

    def _of_log(self) -> Iterator["Family"]:
        told = self._told
        labels, usd = ("model", "outcome"), {(name,): own for name, own in told.usd.items()}
        yield _counter("council_model_calls", "Calls to models.", labels, told.calls)
        yield _counter("council_model_cost_usd", "Known cost in dollars.", ("model",), usd)
        labels = ("job", "outcome")
        yield _counter("council_slots", "Slots of scheduled work.", labels, told.slots)

    def _of_host(self) -> Iterator["Family"]:
        about = "Whether the executor works in this server; 0 also where it sends no orders."
        host = self._host
        works = host.is_working and not host.reads_only and sends_orders(host.role)
        yield _gauge("council_executor_up", about, works)


async def _read(app: App) -> _Record:
    store = app.deps.store
    return _Record(
        trades=await store.count_rows_by("trades", ("status",)),
        orders=await store.count_rows_by("orders", ("status",)),
        head=await store.head(),
        stops=await read_stops(app),
    )


def _by_status(counted: dict[tuple[Any, ...], int]) -> dict[tuple[str, ...], float]:
    return {(str(status or "unknown"),): count for (status,), count in counted.items()}


def _of_stops(stops: StopsShape) -> Iterator["Family"]:
    halted = {(own.account,): float(own.halted is not None) for own in stops.accounts}
    frozen = {(own.account,): float(len(own.frozen)) for own in stops.accounts}
    about = "Whether the halt file halts everything."
    yield _gauge("council_halt_file", about, stops.halt_file is not None)
    about = "Whether trading of the account is halted."
    yield _gauges("council_account_halted", about, ("account",), halted)
    about = "Instruments that an unexplained difference freezes."
    yield _gauges("council_drifts", about, ("account",), frozen)


def _of_process() -> Iterator["Family"]:
    for metric in METRICS:
        yield _durations(metric) if metric.buckets else _counts(metric)
    age = TALLIES.seconds_since(telemetry.TURNS)
    if age is not None:
        about = "How long ago an account had its turn in this process."
        yield _gauge("council_executor_last_turn_age_seconds", about, age)
    from prometheus_client import ProcessCollector  # noqa: PLC0415 - as above

    yield from ProcessCollector(registry=None).collect()


def _counts(metric: Metric) -> "Family":
    counted = {labels: float(own.count) for labels, own in TALLIES.of(metric)}
    return _counter(metric.name, metric.help, metric.labels, counted)


def _durations(metric: Metric) -> "Family":
    from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415 - as above

    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, own in TALLIES.of(metric):
        within = [(str(most), float(n)) for most, n in zip(metric.buckets, own.within, strict=True)]
        family.add_metric(labels, [*within, ("+Inf", float(own.count))], own.total)
    return family


def _gauge(name: str, about: str, value: float) -> "Family":
    return _gauges(name, about, (), {(): float(value)})


def _gauges(name: str, about: str, labels: Sequence[str], values: _Values) -> "Family":
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as above

    family = GaugeMetricFamily(name, about, labels=labels)
    for own, value in sorted(values.items()):
        family.add_metric(own, value)
    return family


def _counter(name: str, about: str, labels: Sequence[str], values: _Values) -> "Family":
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - as above

    family = CounterMetricFamily(name, about, labels=labels)
    for own, value in sorted(values.items()):
        family.add_metric(own, value)
    return family


class _Collected:
    """Families as a registry, which is all that the library writes out."""

    def __init__(self, families: Sequence["Family"]) -> None:
        self._families = families

    def collect(self) -> Sequence["Family"]:
        """Return them."""
        return self._families
