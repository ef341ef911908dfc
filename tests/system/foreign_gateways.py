"""Whole weeks against gateways that nobody here wrote: aimock (npm) and litellm's proxy (PyPI).

A week against our own stand-in gives the valid answers; aimock is taught them as fixtures in the
shape of OpenRouter, litellm passes them through. Where a gateway is not installed it is left out.
Run by itself (`python -m tests.system.foreign_gateways DSN`) it prints what each week came to.
"""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import yaml

from config.ids import random_id
from store.databases import ensure_database
from tests.system.chat_gateway import ChatGateway, running_gateway
from tests.system.command import Finished, council, gateway_environment

COST_USD = 0.0125
START_SECONDS = 90.0
FIELD_OF_STAGE = {
    "research": "macro_regime",
    "pitch": "choice_explanation",
    "peer_review": "best_argument_against",
    "chairman": "selected_trade",
}
"""A field that only this stage's schema has."""


def has_aimock() -> bool:
    """Tell whether aimock can be started without a download."""
    return shutil.which("llmock") is not None


def has_litellm() -> bool:
    """Tell whether litellm's proxy is on the path, in an environment of its own."""
    return shutil.which("litellm") is not None


@asynccontextmanager
async def aimock(taught: ChatGateway, folder: Path) -> AsyncIterator[str]:
    """Serve what `taught` answered under aimock's OpenRouter shape; the base URL."""
    (folder / "week.json").write_text(json.dumps({"fixtures": fixtures_of(taught)}))
    port = _free_port()
    command = ("llmock", "-p", str(port), "-f", str(folder), "--validate-on-load")
    async with _running((*command, "--log-level", "warn"), folder):
        yield await _awake(f"http://127.0.0.1:{port}/api/v1")


def fixtures_of(taught: ChatGateway) -> list[dict[str, Any]]:
    """Return what each model answers at each stage: asked by a strict schema, and for any JSON.

    Only the last message can be matched: the stage's own words, or the schema that follows them.
    """
    return [
        {
            "match": {"model": call.model, "responseFormat": form, "userMessage": words},
            "response": {"content": call.answer, "usage": {"cost": COST_USD}},
        }
        for call in taught.calls
        for form, words in (
            ("json_schema", f'"stage":"{call.stage}"'),
            ("json_object", f'"{FIELD_OF_STAGE[call.stage]}":'),
        )
    ]


@asynccontextmanager
async def litellm(address: str, models: Sequence[str], folder: Path) -> AsyncIterator[str]:
    """Let litellm's proxy pass `models` on to the gateway at `address`; its base URL."""
    routes = [
        {
            "model_name": model,
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": address,
                "api_key": "test-key",
            },
        }
        for model in models
    ]
    settings = {"num_retries": 0, "disable_cooldowns": True}
    config = folder / "litellm.yaml"
    config.write_text(yaml.safe_dump({"model_list": routes, "router_settings": settings}))
    port = _free_port()
    command = ("litellm", "--config", str(config), "--port", str(port), "--host", "127.0.0.1")
    async with _running(command, folder):
        yield await _awake(f"http://127.0.0.1:{port}/v1")


async def week_against(address: str, dsn: str, home: Path) -> Finished:
    """Run a whole week with the models behind `address`."""
    environment = gateway_environment(dsn, home, address)
    return await council("run-weekly", "--json", environment=environment)


@asynccontextmanager
async def _running(command: Sequence[str], folder: Path) -> AsyncIterator[None]:
    quiet = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # on this machine only
    }
    with (folder / "log.txt").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], **quiet}
        )
        try:
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def _awake(address: str) -> str:
    """Return `address` once something answers there."""
    async with asyncio.timeout(START_SECONDS), httpx2.AsyncClient(trust_env=False) as client:
        while True:
            try:
                await client.get(f"{address}/models", timeout=2)
            except httpx2.TransportError:
                await asyncio.sleep(0.2)
            else:
                return address


async def taught_by(dsn: str, home: Path) -> ChatGateway:
    """Run a week against our own stand-in and return it with all that it answered."""
    gateway = ChatGateway(cost_usd=COST_USD)
    async with running_gateway(gateway) as address:
        (await week_against(address, dsn, home)).document()
    return gateway


async def _print_weeks(dsn: str) -> None:
    home = Path(tempfile.mkdtemp(prefix="council-foreign-"))
    taught = await taught_by(await fresh(dsn), home)
    _print("own stand-in", len(taught.calls))
    if has_aimock():
        async with aimock(taught, folder_in(home, "aimock")) as address:
            await _print_week("aimock", address, await fresh(dsn), home)
    if has_litellm():
        own = ChatGateway(cost_usd=COST_USD)
        models = list(dict.fromkeys(call.model for call in taught.calls))
        async with (
            running_gateway(own) as behind,
            litellm(behind, models, folder_in(home, "litellm")) as address,
        ):
            await _print_week("litellm", address, await fresh(dsn), home)


async def _print_week(name: str, address: str, dsn: str, home: Path) -> None:
    week = await week_against(address, dsn, home)
    if week.code:
        _print(name, week.stderr)
        return
    document = week.document()
    shown = {key: len(document[key]) for key in ("research", "pitches", "trades")}
    _print(name, shown, document["reviews"], document["cost_usd"], await calls_in(dsn))
    _print(*document["degraded"])


async def calls_in(dsn: str) -> dict[str, Any]:
    """Return how many calls a database holds, with what cost from where, and who served them."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT payload FROM events WHERE event_type='ModelCalled'")
    finally:
        await connection.close()
    calls = [json.loads(row["payload"]) for row in rows]
    return {
        "calls": len(calls),
        "outcomes": dict(Counter(call["outcome"] for call in calls)),
        "modes": dict(Counter(call["mode"] for call in calls)),
        "cost_usd": str(sum(Decimal(call["cost_usd"] or 0) for call in calls)),
        "sources": dict(Counter(call["cost_source"] for call in calls)),
        "served": sorted({call["served_model"] for call in calls}),
    }


async def fresh(dsn: str) -> str:
    """Make a database of its own beside that of `dsn`; its address."""
    return await ensure_database(dsn, f"foreign_{random_id().hex}")


def folder_in(home: Path, name: str) -> Path:
    """Make the folder `name`; its path."""
    folder = home / name
    folder.mkdir()
    return folder


def _print(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")


if __name__ == "__main__":
    asyncio.run(_print_weeks(sys.argv[1]))
