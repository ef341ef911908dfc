"""The API under thousands of requests that are made from its own document, right ones and wrong."""

import asyncio
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mcp_server.host import Host
from mcp_server.web.api.document import document
from tests.browser.scene import store_week
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.web import bearer, listening, made_token, nothing

CONFIGURATION = """
[checks.positive_data_acceptance]
# What fits the document and means nothing here is told by 403, 404, 409 and 422.
expected-statuses = ["2xx", 304, 401, 403, 404, 409, 422]
"""
MOST_EXAMPLES = 60
SEED = 20261118
_PART = re.compile(r"{\w+}")


@pytest.mark.slow
@pytest.mark.parametrize("has_token", [False, True])
async def test_no_request_made_from_the_document_finds_a_fault(
    open_app: OpenApp, tmp_path: Path, *, has_token: bool
) -> None:
    headers = bearer(made_token(tmp_path, "approve") if has_token else None)
    host = Host(open_app, nothing)
    async with listening(tmp_path, host) as port:
        await store_week(await host.app())
        status, said = await fuzzed(tmp_path, f"http://127.0.0.1:{port}", headers)

    answers, takers = answers_in(tmp_path / "requests.har"), operations(taking=True)
    assert status == 0, said
    assert not [found for found in answers.values() if any(code >= 500 for code in found)], said
    assert set(answers) == set(operations())
    for operation, found in answers.items():
        if operation[0] == "GET":
            assert 200 in found, (operation, found)
        else:
            assert bool(found & {200, 409}) is has_token, (operation, found)
        assert operation not in takers or found & {400, 401, 404, 422}, (operation, found)


async def fuzzed(folder: Path, origin: str, headers: dict[str, str]) -> tuple[int, str]:
    """Let schemathesis loose on the server; returns its exit status and what it says."""
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    # From a file: the address of a document is not asked itself where it was read from there.
    (folder / "openapi.json").write_text(json.dumps(document()))
    options = [f"--header={name}: {value}" for name, value in headers.items()]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli"),
        f"--config-file={folder / 'schemathesis.toml'}",
        *("run", "openapi.json", f"--url={origin}", "--checks=all", "--mode=all"),
        *(f"--max-examples={MOST_EXAMPLES}", f"--seed={SEED}", "--continue-on-failure"),
        *("--report=har", f"--report-har-path={folder / 'requests.har'}"),
        *("--suppress-health-check=all", "--generation-database=none"),
        *options,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def operations(*, taking: bool = False) -> list[tuple[str, str]]:
    """Return method and path of every operation in the document, or of those that take anything."""
    paths: dict[str, Any] = document()["paths"]
    return [
        (method.upper(), path)
        for path, methods in paths.items()
        for method, its in methods.items()
        if not taking or its["parameters"] or "requestBody" in its
    ]


def answers_in(file: Path) -> dict[tuple[str, str], set[int]]:
    """Return with which statuses each operation answered."""
    shapes = {path: re.compile(_PART.sub("[^/]+", path)) for _, path in operations()}
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for entry in json.loads(file.read_text())["log"]["entries"]:
        method, path = entry["request"]["method"], urlsplit(entry["request"]["url"]).path
        for shape, pattern in shapes.items():
            if pattern.fullmatch(path) and (method, shape) in operations():
                found[method, shape].add(int(entry["response"]["status"]))
    return dict(found)
