"""A gateway that speaks OpenAI's chat API over HTTP, answers by the rehearsal rules, and counts.

It stands for any OpenAI-compatible router: model ids are mapped to rehearsal rules in the order in
which they are first seen. Run by itself (`python -m tests.system.chat_gateway 2.0`) it prints its
address and answers each call after so many seconds.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from broker.exchange.server import running_exchange
from config.loader import load_config
from council.llm.preflight import asked_of
from council.llm.rehearsal.styles import STYLES
from council.llm.rehearsal.transport import completion

OK = 200
OTHERS = {"research": "research", "chairman": "chairman"}


@dataclass
class WireCall:
    """One request as it arrived."""

    model: str
    stage: str
    prompt: str
    """The sha-256 of the messages."""
    answered: bool = False
    answer: str = ""
    """The text that was sent."""


@dataclass
class ChatGateway:
    """The app and its book of calls; `on_call` hears the number of each call as it arrives."""

    delay_seconds: float = 0.0
    cost_usd: float = 0.0
    """What each answer costs."""
    on_call: Callable[[int], None] = lambda number: None
    calls: list[WireCall] = field(default_factory=list)
    unlisted: frozenset[str] = frozenset()
    """Configured models that it does not serve."""
    most_at_once: int = 0

    def app(self) -> Starlette:
        routes = [
            Route("/v1/chat/completions", self._answer, methods=["POST"]),
            Route("/v1/models", self._list),
        ]
        return Starlette(routes=routes)

    async def _list(self, request: Request) -> JSONResponse:
        """List every configured model but those of `unlisted`."""
        configured = {
            model
            for own in asked_of(load_config()).values()
            for model in (own.model, *own.fallbacks)
        }
        listed = sorted(configured - self.unlisted)
        return JSONResponse({"object": "list", "data": [{"id": model} for model in listed]})

    async def _answer(self, request: Request) -> JSONResponse:
        if request.headers.get("authorization") != "Bearer test-key":
            return JSONResponse({"error": {"origin": "router", "message": "no key"}}, 401)
        try:
            asked = await request.json()
        except ClientDisconnect:
            return JSONResponse({"error": {"origin": "router", "message": "hung up"}}, 400)
        call = self._note(asked)
        self.on_call(len(self.calls))
        await asyncio.sleep(self.delay_seconds)
        status, body = completion({**asked, "model": f"rehearsal/{self._rule(call)}"})
        call.answered = True
        body["model"] = call.model
        if status == OK:
            call.answer = body["choices"][0]["message"]["content"]
            body["usage"]["cost"] = self.cost_usd
        return JSONResponse(body, status)

    def _note(self, asked: dict[str, object]) -> WireCall:
        form = asked["response_format"]
        assert isinstance(form, dict)
        messages = json.dumps(asked["messages"], sort_keys=True).encode()
        call = WireCall(
            str(asked["model"]),
            form["json_schema"]["name"],
            hashlib.sha256(messages).hexdigest(),
        )
        self.calls.append(call)
        under_way = sum(not call.answered for call in self.calls)
        self.most_at_once = max(self.most_at_once, under_way)
        return call

    def _rule(self, call: WireCall) -> str:
        models = list(dict.fromkeys(each.model for each in self.calls))
        return OTHERS.get(call.stage) or list(STYLES)[models.index(call.model) % len(STYLES)]


@asynccontextmanager
async def running_gateway(gateway: ChatGateway) -> AsyncIterator[str]:
    """Serve `gateway` in this loop; its base URL."""
    async with running_exchange(gateway.app()) as address:
        yield f"{address}/v1"


def main() -> None:
    asyncio.run(_serve(ChatGateway(delay_seconds=float(sys.argv[1]))))


async def _serve(gateway: ChatGateway) -> None:
    async with running_gateway(gateway) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
