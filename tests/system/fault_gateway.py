"""A gateway in its own process that answers validly, or wrong in one of the ways gateways do.

The first segments of the path choose: under `/<fault>/<broken>/<run>/v1` every model whose number
is below `broken` fails (`vendor-3/model-3` has 3), the others answer by the rehearsal rules. `run`
keeps the counts of faults that pass apart. Run by itself it prints its address.
"""

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from council.llm.rehearsal.reading import read_blocks
from council.llm.rehearsal.styles import STYLES
from council.llm.rehearsal.transport import completion

_MODEL_NUMBER = re.compile(r"vendor-(\d+)/")
_OTHERS = {"research": "research", "chairman": "chairman"}
_TRICKLE_SECONDS = 0.05
_Body = dict[str, Any]


@dataclass(frozen=True)
class Wire:
    """What goes out; `manner` is how: whole, dropped, silent or trickling."""

    body: bytes
    status: int = 200
    headers: tuple[str, ...] = ("content-type: application/json",)
    manner: str = "whole"


@dataclass(frozen=True)
class Asked:
    """One request; `number` counts the requests of its model in its run, from 1."""

    body: _Body
    number: int

    @property
    def answer(self) -> _Body:
        """Return the valid completion."""
        prompt = "\n".join(message["content"] for message in self.body["messages"])
        stage = str(read_blocks(prompt).get("task", {}).get("stage", ""))
        rule = _OTHERS.get(stage) or list(STYLES)[_number_of(self.body["model"]) % len(STYLES)]
        status, answer = completion({**self.body, "model": f"rehearsal/{rule}"})
        assert status == 200, answer
        return {**answer, "model": self.body["model"]}


def _number_of(model: str) -> int:
    found = _MODEL_NUMBER.match(model)
    return int(found[1]) if found else 0


def _well(asked: Asked) -> Wire:
    return Wire(json.dumps(asked.answer).encode())


def _text(change: Callable[[str], str]) -> Callable[[Asked], Wire]:
    """Let the answer's text come changed."""

    def answer(asked: Asked) -> Wire:
        body = asked.answer
        message = body["choices"][0]["message"]
        message["content"] = change(message["content"])
        return Wire(json.dumps(body).encode())

    return answer


def _choice(finish: str = "stop", **message: Any) -> Callable[[Asked], Wire]:
    """Let the choice come with another finish reason and message."""

    def answer(asked: Asked) -> Wire:
        body = asked.answer
        choice = body["choices"][0]
        content = choice["message"]["content"]
        changed = {
            key: value(content) if callable(value) else value for key, value in message.items()
        }
        body["choices"][0] = {
            **choice,
            "finish_reason": finish,
            "message": {**choice["message"], **changed},
        }
        return Wire(json.dumps(body).encode())

    return answer


def _without(**changes: Any) -> Callable[[Asked], Wire]:
    """Let the completion come with other top-level fields."""
    return lambda asked: Wire(json.dumps({**asked.answer, **changes}).encode())


def _fails(status: int, message: str, *headers: str) -> Callable[[Asked], Wire]:
    error = json.dumps({"error": {"origin": "router", "message": message}}).encode()
    return lambda asked: Wire(error, status, ("content-type: application/json", *headers))


def _once(fault: Callable[[Asked], Wire]) -> Callable[[Asked], Wire]:
    return lambda asked: fault(asked) if asked.number == 1 else _well(asked)


def _without_schemas(asked: Asked) -> Wire:
    form = asked.body.get("response_format", {}).get("type")
    refuse = _fails(400, "Invalid schema for response_format: json_schema is not supported")
    return refuse(asked) if form == "json_schema" else _well(asked)


def _html(asked: Asked) -> Wire:
    return Wire(b"<html><body>log in</body></html>", headers=("content-type: text/html",))


def _half(asked: Asked) -> Wire:
    return Wire(_well(asked).body[:-40])


def _padded(asked: Asked) -> Wire:
    return Wire(b" \n" * 200 + _well(asked).body)


def _in_manner(manner: str) -> Callable[[Asked], Wire]:
    return lambda asked: replace(_well(asked), manner=manner)


def _typed_wrong(text: str) -> str:
    return json.dumps(dict.fromkeys(json.loads(text), True))


def _thinking(text: str) -> str:
    return '<think>Perhaps {"conviction": 2}? No.</think>' + text


def _tool_calls(text: str) -> list[_Body]:
    function = {"name": "answer", "arguments": text}
    return [{"id": "t1", "type": "function", "function": function}]


FAULTS: dict[str, Callable[[Asked], Wire]] = {
    "ok": _well,
    "fenced": _text(lambda text: f"Here it is:\n```json\n{text}\n```\nGood luck."),
    "wrongtype": _text(_typed_wrong),
    "wrongtype_once": _once(_text(_typed_wrong)),
    "truncated": _choice("length", content=lambda text: text[: len(text) // 2]),
    "refusal": _choice(content=None, refusal="I cannot help with trading."),
    "contentfilter": _choice("content_filter", content=""),
    "tool": _choice("tool_calls", content=None, tool_calls=_tool_calls),
    "empty": _choice(content=""),
    "null": _choice(content=None),
    "nochoices": _without(choices=[]),
    "nullchoices": _without(choices=None),
    "err200": _without(choices=None, error={"message": "upstream broke", "code": 502}),
    "html": _html,
    "badjson": _half,
    "keepalive": _padded,
    "429": _once(_fails(429, "slow down", "retry-after: 7")),
    "429forever": _fails(429, "slow down"),
    "500once": _once(_fails(500, "oops")),
    "529": _fails(529, "overloaded"),
    "402": _fails(402, "no balance"),
    "412": _fails(412, "the monthly cap is reached"),
    "424": _fails(424, "Invalid provider response format"),
    "404": _fails(404, "Provider and/or model not supported"),
    "400schema": _without_schemas,
    "slow": _in_manner("silent"),
    "drop": _in_manner("dropped"),
    "trickle": _in_manner("trickling"),
    "reasoning": _choice(content=_thinking, reasoning_content="First I thought."),
    "nousage": _without(usage=None),
    "nan": _text(lambda text: f'{text[:-1]}, "mood": NaN}}'),
    "infinite": _text(lambda text: f'{text[:-1]}, "mood": 1e999}}'),
    "two": _text(lambda text: text + text),
    "deep": _text(lambda text: '{"a": ' + "[" * 30_000),
    "giant": _text(lambda text: '{"a": "' + "y" * 10_000_000 + '"}'),
    "nul": _text(lambda text: text.replace('": "', '": "\\u0000\\ud800', 1)),
}


class FaultGateway:
    """One connection, one request, one answer of the fault in its path."""

    def __init__(self) -> None:
        self._asked: Counter[tuple[str, str]] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: (\d+)", head, re.I)
            body = json.loads(await reader.readexactly(int(length[1])) if length else b"{}")
            await _send(writer, self._answer(head.split(" ")[1], body))
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _answer(self, path: str, body: _Body) -> Wire:
        _, fault, broken, run, *rest = path.split("/")
        if rest[-1] == "models":
            return _fails(404, "this gateway lists nothing")(Asked(body, 1))
        self._asked[run, body["model"]] += 1
        asked = Asked(body, self._asked[run, body["model"]])
        fails = _number_of(body["model"]) < int(broken)
        return (FAULTS[fault] if fails else _well)(asked)


async def _send(writer: asyncio.StreamWriter, wire: Wire) -> None:
    headers = (*wire.headers, f"content-length: {len(wire.body)}", "connection: close")
    head = "\r\n".join((f"HTTP/1.1 {wire.status} Status", *headers, "", "")).encode()
    if wire.manner == "silent":
        await asyncio.sleep(60)
    elif wire.manner == "dropped":
        writer.write(head + wire.body[:20])
        await writer.drain()
        writer.transport.abort()
    elif wire.manner == "trickling":
        writer.write(head)
        for position in range(len(wire.body)):
            writer.write(wire.body[position : position + 1])
            await writer.drain()
            await asyncio.sleep(_TRICKLE_SECONDS)
    else:
        writer.write(head + wire.body)
        await writer.drain()


async def _serve() -> None:
    server = await asyncio.start_server(FaultGateway().serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
