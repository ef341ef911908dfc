"""What `/mcp` answers to bodies that no client of good will sends."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_server.web.app import MOST_BODY_BYTES
from tests.mcp_server.web import ACCEPTS, INITIALIZE, browser, listening, raw, running

MODERN = {**ACCEPTS, "Mcp-Protocol-Version": "2026-07-28"}
ERAS = pytest.mark.parametrize("headers", [ACCEPTS, MODERN], ids=["legacy", "modern"])


async def status(home: Path, body: bytes | AsyncIterator[bytes], headers: dict[str, str]) -> int:
    async with running(home) as transport, browser(transport) as its:
        answer = await its.post("/mcp", content=body, headers=headers)
    return answer.status_code


async def trickle(size: int) -> AsyncIterator[bytes]:
    """Send a body without saying first how long it is."""
    for _ in range(size // 4096 + 1):
        yield b" " * 4096


@ERAS
async def test_a_body_too_large_is_refused_unread(tmp_path: Path, headers: dict[str, str]) -> None:
    assert await status(tmp_path, b" " * (MOST_BODY_BYTES + 1), headers) == 413
    assert await status(tmp_path, trickle(MOST_BODY_BYTES), headers) == 413


async def test_a_body_that_only_says_it_is_large_is_refused_before_it_comes(
    tmp_path: Path,
) -> None:
    async with listening(tmp_path) as port:
        announced = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {MOST_BODY_BYTES * 1000}\r\nConnection: close\r\n\r\n"
        )
        answer = await raw(port, announced)

    assert answer.startswith(b"HTTP/1.1 413")


NO_MESSAGES = (
    b"",
    b"{",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\x00",
    b"\xff\xfe",
    b'"\\ud800"',
    b"null",
    b"[]",
    b"NaN",
    b"1e999",
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + b"[" * 50_000,
)


@ERAS
async def test_what_is_no_message_is_a_bad_request_and_nothing_worse(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    async with running(tmp_path) as transport, browser(transport) as its:
        answers = [
            (await its.post("/mcp", content=body, headers=headers)).status_code
            for body in NO_MESSAGES
        ]

    assert answers == [400] * len(NO_MESSAGES)


async def test_text_that_is_not_json_is_a_bad_request(tmp_path: Path) -> None:
    plain = {**ACCEPTS, "Content-Type": "text/plain"}

    assert await status(tmp_path, json.dumps(INITIALIZE).encode(), plain) == 400


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\x00b" * 1000])
async def test_odd_characters_in_an_argument_harm_nobody(tmp_path: Path, text: str) -> None:
    call = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {
            "name": "get_trade",
            "arguments": {"trade_id": text},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }
    headers = {**MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "get_trade"}

    async with running(tmp_path) as transport, browser(transport) as its:
        answer = await its.post("/mcp", content=json.dumps(call).encode(), headers=headers)
        health = await its.get("/health")

    assert answer.status_code in (200, 400)
    assert "NOT " in answer.text or '"error"' in answer.text
    assert health.status_code == 200
