"""Each guard of "exactly once" is taken out of a copy of the program: then tests must fail.

A guard that nobody misses is one that nobody tests.
"""

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import council

PROJECT = Path(council.__file__).parent.parent
PARTS = ("broker", "config", "council", "mcp_server", "prompts", "store", "tests")
LONGEST_SECONDS = 300
ALL_PASSED, SOME_FAILED = 0, 1

TRADING = "tests/council/trading"


@dataclass(frozen=True)
class Guard:
    """A guard in a file, the text without it, and the tests that must miss it."""

    name: str
    file: str
    text: str
    without: str
    missed_by: str

    def remove_from(self, copy: Path) -> None:
        source = copy / self.file
        text = source.read_text()
        assert text.count(self.text) == 1, f"{self.name} is not to be found in {self.file}"
        source.write_text(text.replace(self.text, self.without))


EARLY_SEND = """
        from decimal import Decimal

        from broker.models import OrderRequest

        early = OrderRequest(
            client_order_id=order_id,
            symbol=line.symbol,
            side=line.side,
            quantity=Decimal(line.quantity),
            position_intent=line.position_intent,
        )
        await self.desk.venue.submit(early)
        self.deps.failpoint("exec.before_intent")
"""

GUARDS = (
    Guard(
        name="expected version",
        file="council/trading/journal.py",
        text="StreamWrite(stream, tuple(events), versions.get(stream))",
        without="StreamWrite(stream, tuple(events), None)",
        missed_by=f"{TRADING}/test_approval_races.py",
    ),
    Guard(
        name="ask first",
        file="council/trading/leg_runner.py",
        text="""
        for _ in range(SENDS_PER_CYCLE):
            order, against = await self._asked(self._leg(client_order_id), objection)
""",
        without="""
        for _ in range(SENDS_PER_CYCLE):
            order: Order | None = None
            against = objection
""",
        missed_by=f"{TRADING}/test_executor_faults.py",
    ),
    Guard(
        name="quarantine",
        file="council/trading/leg_runner.py",
        text="""
        if self._deps.clock.now() - leg.attempted_at < QUARANTINE:
            return None
""",
        without="\n",
        missed_by=f"{TRADING}/test_executor_faults.py",
    ),
    Guard(
        name="a refusal is final at the first attempt only",
        file="council/trading/leg_runner.py",
        text="    if number == 1:\n",
        without="    if number >= 1:\n",
        missed_by=f"{TRADING}/test_executor_faults.py",
    ),
    Guard(
        name="digest at approval",
        file="council/trading/approvals.py",
        text="if digest is not None and digest != ticket.digest:",
        without="if False:",
        missed_by=f"{TRADING}/test_approvals.py",
    ),
    Guard(
        name="digest at submit",
        file="council/trading/checks.py",
        text="if ticket.computed_digest() == ticket.digest == approval.digest:",
        without="if True:",
        missed_by=f"{TRADING}/test_executor.py",
    ),
    Guard(
        name="intent before send",
        file="council/trading/account_run.py",
        text='\n        self.deps.failpoint("exec.before_intent")\n',
        without=EARLY_SEND,
        missed_by=f"{TRADING}/test_executor_faults.py",
    ),
)


@pytest.mark.slow
async def test_the_copied_program_passes_as_it_is(tmp_path: Path) -> None:
    chosen = sorted({guard.missed_by for guard in GUARDS})

    code, said = await outcome_of(copied(tmp_path), *chosen)

    assert code == ALL_PASSED, said


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
async def test_a_guard_that_is_taken_out_is_missed(guard: Guard, tmp_path: Path) -> None:
    copy = copied(tmp_path)
    guard.remove_from(copy)

    code, said = await outcome_of(copy, guard.missed_by)

    assert code == SOME_FAILED, said


def copied(folder: Path) -> Path:
    """Copy the program and its tests, so that nothing that is broken here is broken elsewhere."""
    copy = folder / "copy"
    for part in PARTS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / part, copy / part, ignore=ignored)
    shutil.copy(PROJECT / "pyproject.toml", copy)
    return copy


async def outcome_of(copy: Path, *chosen: str) -> tuple[int, str]:
    """Run tests of the copy in a process of its own; return the exit code and what was said."""
    quick = ("-x", "-n", "0", "-p", "no:cacheprovider")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", *quick, *chosen),
        cwd=copy,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(copy)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")
