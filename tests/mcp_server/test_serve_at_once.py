"""What only reads is answered as JSON; what tells its progress needs a client with streams."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from mcp_server.web.wire import TrimmedRequests
from tests.mcp_server.web import browser, running

VERSION = "2026-07-28"
_PREFIX = "io.modelcontextprotocol/"
_META = {
    f"{_PREFIX}protocolVersion": VERSION,
    f"{_PREFIX}clientInfo": {"name": "test", "version": "1"},
    f"{_PREFIX}clientCapabilities": {},
}


async def call(home: Path, tool: str, *, named: str | None = None) -> httpx2.Response:
    """Call a tool as a client that takes no stream; `named` is what the header says instead."""
    headers = {
        "Accept": "application/json",
        "Mcp-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": named or tool,
    }
    params = {"name": tool, "arguments": {}, "_meta": _META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with running(home) as transport, browser(transport) as its:
        return await its.post("/mcp", json=body, headers=headers)


@pytest.mark.parametrize("tool", ["list_pending_trades", "get_week"])
async def test_a_tool_that_reads_answers_without_a_stream(tmp_path: Path, tool: str) -> None:
    answer = await call(tmp_path, tool)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("tool", ["run_weekly", "get_run", "approve_trade"])
async def test_any_other_tool_needs_a_client_that_takes_a_stream(tmp_path: Path, tool: str) -> None:
    assert (await call(tmp_path, tool)).status_code == 406


async def test_no_other_tool_passes_for_one_that_reads(tmp_path: Path) -> None:
    answer = await call(tmp_path, "run_weekly", named="list_pending_trades")

    assert answer.status_code == 400
    assert "Mcp-Name" in answer.text or "mcp-name" in answer.text


class Recorder(asyncio.Transport):
    """A transport that records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.has_content = asyncio.Event()

    def write(self, content: Any) -> None:
        self.sent.append(bytes(content))
        if b"the content" in self.sent[-1]:
            self.has_content.set()

    def is_closing(self) -> bool:
        return False


async def test_an_answer_is_one_write_with_its_head() -> None:
    config = uvicorn.Config(PlainTextResponse("the content"), lifespan="off", log_config=None)
    config.load()
    protocol = TrimmedRequests(config, ServerState(), {})
    recorder = Recorder()
    protocol.connection_made(recorder)

    protocol.data_received(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    await recorder.has_content.wait()

    (sent,) = recorder.sent
    assert sent.startswith(b"HTTP/1.1 200")
