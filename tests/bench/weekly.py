"""How long a weekly run takes beyond what its models take: they are asked side by side, by stage.

The reference is the sum of the slowest answers, one of each stage: no run can be faster. The bound
is held by the run in a server that is up; a command starts and ends a program besides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import mcp

from tests.bench.frame import Measurement, Options
from tests.bench.gateway import gateway_process, slowest_answers
from tests.bench.servers import migrated, own_server
from tests.hosts.served import served
from tests.system.command import council, gateway_environment

ANSWER_SECONDS = 2.0
QUICK_ANSWER_SECONDS = 0.3
TRIES = 3
MOST_OF_ANSWERS = 1.05
STAGES_WITH_MODELS = 4
TRADES = 6
_LONGEST_WAIT_SECONDS = 25
_REFERENCE = "the slowest answers, one a stage"


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of one run, and of the slowest answers of its stages together."""

    seconds: float
    answers: float

    @property
    def ratio(self) -> float:
        """Return the run in units of its answers."""
        return self.seconds / self.answers


async def weekly_run(options: Options) -> Sequence[Measurement]:
    """Time the run in a server, and the command; of each the best of a few tries."""
    answer_seconds = QUICK_ANSWER_SECONDS if options.is_quick else ANSWER_SECONDS
    tries = 1 if options.is_quick else TRIES
    async with own_server() as server, gateway_process(answer_seconds) as gateway:
        in_server, by_command = [], []
        for number in range(tries):
            with TemporaryDirectory(prefix="council-bench-") as folder:
                home = Path(folder)
                dsn = await migrated(server, f"served_{number}")
                in_server.append(await _in_a_server(gateway_environment(dsn, home, gateway)))
                dsn = await migrated(server, f"commanded_{number}")
                by_command.append(await _by_command(gateway_environment(dsn, home, gateway)))
    return (
        _row("server", "weekly run in a server that is up", in_server, MOST_OF_ANSWERS),
        _row("command", "`council run-weekly`, from spawn to end", by_command, None),
    )


def _row(name: str, what: str, taken: Sequence[Taken], bound: float | None) -> Measurement:
    best = min(taken, key=lambda one: one.ratio)
    return Measurement(
        f"weekly/{name}", what, best.seconds, "s",
        reference=_REFERENCE, reference_value=best.answers, bound=bound,
        note=f"{best.seconds - best.answers:.2f} s beyond the answers",
    )  # fmt: skip


async def _in_a_server(environment: dict[str, str]) -> Taken:
    """Start a server, wait until it is up, and time `run_weekly` to the end of its run."""
    gateway = environment["REQUESTY_BASE_URL"]
    bare = {"PATH": "/usr/bin:/bin", **environment}
    with served(bare) as address:
        async with mcp.Client(address) as client:
            await client.call_tool("get_status", {})
            began = perf_counter()
            answer = await client.call_tool("run_weekly", {})
            run = {"run_id": (answer.structured_content or {}).get("run_id")}
            while (answer.structured_content or {}).get("state") == "running":
                answer = await client.call_tool(
                    "get_run", {**run, "wait_seconds": _LONGEST_WAIT_SECONDS}
                )
            seconds = perf_counter() - began
    assert (answer.structured_content or {}).get("state") == "finished", answer.content
    return Taken(seconds, await _answers(gateway))


async def _by_command(environment: dict[str, str]) -> Taken:
    began = perf_counter()
    week = await council("run-weekly", "--json", environment=environment)
    seconds = perf_counter() - began
    assert len(week.document()["trades"]) == TRADES
    return Taken(seconds, await _answers(environment["REQUESTY_BASE_URL"]))


async def _answers(gateway: str) -> float:
    slowest = await slowest_answers(gateway)
    assert len(slowest) == STAGES_WITH_MODELS, slowest
    return sum(slowest.values())
