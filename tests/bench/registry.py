"""Every benchmark by its name, in the order in which they run: add a line here for a new one."""

from types import MappingProxyType

BENCHMARKS = MappingProxyType(
    {
        "append": "tests.bench.appending:append",
        "read": "tests.bench.reading:read_week",
        "rebuild": "tests.bench.rebuilding:rebuild_tables",
        "weekly": "tests.bench.weekly:weekly_run",
        "start": "tests.bench.starting:start",
        "week-memory": "tests.bench.starting:week_memory",
        "pending": "tests.bench.listing:pending_trades",
        "order": "tests.bench.ordering:approve_to_accepted",
        "simulate": "tests.bench.simulated_weeks:weeks_a_second",
        "server-memory": "tests.bench.serving_long:memory",
    }
)
