"""The command of the chaos hour: a short one passes, and a wrong done on purpose is named."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OFTEN = ("--pause", "4", "7")


@pytest.mark.slow
async def test_a_week_of_chaos_breaks_nothing() -> None:
    code, report = await chaos("--weeks", "1", *OFTEN)

    assert report["violations"] == []
    assert (code, report["ok"], report["weeks"]) == (0, True, 1)
    assert report["database_restarts"] >= 1
    assert report["executors_killed"]
    assert any(kind != "POST clean" for kind in report["wire"] if kind.startswith("POST"))
    assert report["trades"].keys() <= {"TradeCompleted", "TradeIncomplete", "TradeExpired"}
    assert report["orders"] >= 1


@pytest.mark.slow
async def test_an_order_that_nobody_approved_is_named() -> None:
    code, report = await chaos("--weeks", "0", *OFTEN, "--plant", "order")

    assert (code, report["ok"]) == (1, False)
    assert any("I2: order" in found for found in report["violations"]), report["violations"]


async def chaos(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command; its exit code and its report."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos", *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, told = await process.communicate()
    assert said, told.decode(errors="replace")
    return process.returncode or 0, json.loads(said)
