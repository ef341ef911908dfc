"""The wire of the rehearsal models: OpenAI's chat completions, answered inside the process."""

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from council.llm.rehearsal.asking import final_answer, member_answer, ranking
from council.llm.rehearsal.chairman import decision
from council.llm.rehearsal.checkpoints import checkpoint
from council.llm.rehearsal.managers import pitch
from council.llm.rehearsal.postmortems import postmortem
from council.llm.rehearsal.reading import Blocks, read_blocks
from council.llm.rehearsal.researcher import pack
from council.llm.rehearsal.reviewers import reviews
from council.llm.rehearsal.styles import STYLES

if TYPE_CHECKING:
    import httpx2

CHARACTERS_A_TOKEN = 4
"""A usual estimate; nothing is paid by it."""
_PREFIX = "rehearsal/"
_OTHERS = ("chairman", "research")
_ANYBODYS: dict[str, Callable[[Blocks], dict[str, Any]]] = {
    "checkpoint": checkpoint,
    "research": pack,
    "chairman": decision,
    "postmortem": postmortem,
    "ask_ranking": ranking,
    "ask_chairman": final_answer,
}
_MANAGERS: dict[str, Callable[[Blocks, str], dict[str, Any]]] = {
    "pitch": pitch,
    "peer_review": reviews,
    "ask_answer": member_answer,
}


def rehearsal_transport() -> "httpx2.MockTransport":
    """Return a transport on which every rehearsal model answers, without any network."""
    # Only who rehearses loads the HTTP library.
    import httpx2  # noqa: PLC0415

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/models"):
            served = [{"id": f"{_PREFIX}{name}"} for name in (*STYLES, *_OTHERS)]
            return httpx2.Response(200, json={"object": "list", "data": served})
        status, body = completion(json.loads(request.content))
        return httpx2.Response(status, json=body)

    return httpx2.MockTransport(answer)


def completion(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return status and body of the answer to one chat completion request."""
    name = request["model"].removeprefix(_PREFIX)
    if request["model"] == name or name not in (*STYLES, *_OTHERS):
        return 404, _error(f"unknown model {request['model']!r}")
    prompt = "\n".join(message["content"] for message in request["messages"])
    blocks = read_blocks(prompt)
    stage = _stage(request, blocks)
    answer = _answer(stage, name, blocks)
    if answer is None:
        return 400, _error(f"model {name!r} has no part in stage {stage!r}")
    return 200, _body(request["model"], prompt, json.dumps(answer, ensure_ascii=False))


def _stage(request: dict[str, Any], blocks: Blocks) -> str:
    schema = request.get("response_format", {}).get("json_schema", {})
    return str(schema.get("name") or blocks.get("task", {}).get("stage", ""))


def _answer(stage: str, name: str, blocks: Blocks) -> dict[str, Any] | None:
    if stage in _ANYBODYS:
        return _ANYBODYS[stage](blocks)
    if name in STYLES and stage in _MANAGERS:
        return _MANAGERS[stage](blocks, name)
    return None


def _body(model: str, prompt: str, content: str) -> dict[str, Any]:
    asked, given = len(prompt) // CHARACTERS_A_TOKEN, len(content) // CHARACTERS_A_TOKEN
    return {
        "id": f"rehearsal-{hashlib.sha256(prompt.encode()).hexdigest()[:16]}",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, "refusal": None},
            }
        ],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": given,
            "total_tokens": asked + given,
            "cost": 0.0,
        },
    }


def _error(message: str) -> dict[str, Any]:
    return {"error": {"origin": "router", "message": message}}
