"""`run-weekly` killed by SIGKILL while a research service works; the week is run again.

The services are a process of their own; a report takes LOOKS_NEEDED looks, which at the configured
distance would be minutes and here is set to a fraction of a second.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from shutil import copytree
from typing import Any

import httpx2
import pytest
import yaml

from tests.system.chat_gateway import ChatGateway, running_gateway
from tests.system.command import council, finished, gateway_environment, started

CONFIG = Path(__file__).parents[2] / "config"
LOOKS_NEEDED = 20
POLL_SECONDS = 0.01
LONGEST_WAIT_SECONDS = 60
SONAR = "perplexity/sonar-deep-research, set down by "
GEMINI = "gemini/deep-research-preview-04-2026, set down by "
KILLED_AT = (
    "perplexity.submitted:1",
    "perplexity.looked:1",
    "perplexity.looked:10",
    "gemini.looked:1",
    "gemini.looked:19",
)
"""Requests before whose answer the process dies: the report is paid and not yet there."""


class Services:
    """The process of the services."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self._process = process
        self.address = address

    async def held(self) -> None:
        """Wait until the services hold the request that they were started to hold."""
        assert self._process.stdout is not None
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            assert (await self._process.stdout.readline()).strip() == b"held"

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")

    async def book(self) -> dict[str, dict[str, Any]]:
        """Return the jobs that were begun, by id."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            jobs = json.loads((await client.get(f"{self.address}/book")).content)
        return {job["id"]: job for job in jobs}


@asynccontextmanager
async def running_services(hold: str) -> AsyncIterator[Services]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.system.research_standins",
        str(LOOKS_NEEDED),
        hold,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        address = (await process.stdout.readline()).decode().strip()
        yield Services(process, address)
    finally:
        process.kill()
        await process.wait()


def research_environment(dsn: str, home: Path, gateway: str, services: str) -> dict[str, str]:
    """Return what leads a council to the stand-ins of everything."""
    folder = home / "config"
    copytree(CONFIG, folder, ignore=lambda _, names: [n for n in names if not n.endswith(".yaml")])
    models = yaml.safe_load((folder / "models.yaml").read_text())
    for service in models["research_services"].values():
        service.update(address=services, poll_seconds=POLL_SECONDS)
    (folder / "models.yaml").write_text(yaml.safe_dump(models))
    return {
        **gateway_environment(dsn, home, gateway),
        "COUNCIL_CONFIG": str(folder),
        "PERPLEXITY_API_KEY": "test-perplexity",
        "GEMINI_API_KEY": "test-gemini",
    }


async def killed_and_run_again(
    dsn: str, home: Path, hold: str
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Kill the first run while `hold` waits for its answer; the second run's week, and the jobs."""
    async with running_services(hold) as services, running_gateway(ChatGateway()) as gateway:
        environment = research_environment(dsn, home, gateway, services.address)
        process = await started("run-weekly", "--json", environment=environment)
        try:
            await services.held()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            killed = await finished(process)
        services.go_on()
        again = await council("run-weekly", "--json", environment=environment)
        jobs = await services.book()
    assert killed.code == -9, killed.stderr
    return again.document(), jobs


@pytest.mark.slow
@pytest.mark.parametrize("hold", KILLED_AT)
async def test_killed_research_is_finished_without_a_second_job(
    database_dsn: str, tmp_path: Path, hold: str
) -> None:
    week, jobs = await killed_and_run_again(database_dsn, tmp_path, hold)

    sources = {each["pack"]: each["source"] for each in week["research"]}
    assert sources["A"].startswith(SONAR)
    assert len(week["trades"]) == 6
    assert set(jobs) <= {"perplexity-1", "gemini-1"}
    assert len(set(jobs["perplexity-1"]["keys"])) == 1
    assert jobs["perplexity-1"]["looks"] >= LOOKS_NEEDED
    if hold.startswith("gemini"):
        assert sources["B"].startswith(GEMINI)


@pytest.mark.slow
async def test_a_gemini_job_whose_id_died_with_the_process_is_not_bought_again(
    database_dsn: str, tmp_path: Path
) -> None:
    week, jobs = await killed_and_run_again(database_dsn, tmp_path, "gemini.submitted:1")

    sources = {each["pack"]: each["source"] for each in week["research"]}
    assert sources["B"].startswith("prompted:")
    assert set(jobs) == {"perplexity-1", "gemini-1"}
    assert jobs["gemini-1"]["looks"] == 0
