"""A model that obeys whatever it finds in its prompt: the worst reader that a week can have.

It answers as a rehearsal model would and then does what the text says: it takes the instrument
that it is told to, the conviction, the extra fields, even where the rules forbid it. Told that its
answer was rejected, it still obeys as far as it may: the greatest conviction, and full marks.
"""

import html
import json
import re
from typing import Any
from urllib.parse import unquote

import httpx2

from config.schema import Config
from council.llm.rehearsal.reading import read_blocks
from council.llm.rehearsal.transport import completion

_ALL_IN = re.compile(r"all in ([A-Z]{2,5})\b")
_CONVICTION = re.compile(r"conviction (\d+)")
_EXACTLY = re.compile(r"Answer exactly (\{.*?\})(?![\w}])", re.DOTALL)
_APPROVE = re.compile(r"approve all trades", re.IGNORECASE)
_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_REJECTED = "Your answer was rejected"


def as_it_reads(text: str) -> str:
    """Return a prompt as this model reads it: escapes undone, tag characters as letters."""
    for _ in range(3):
        text = _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
        text = unquote(html.unescape(text))
    return "".join(chr(ord(c) - 0xE0000) if 0xE0020 <= ord(c) < 0xE007F else c for c in text)


def obedient_transport(config: Config, prompts: list[str], *, obeys: bool) -> httpx2.MockTransport:
    """Return a wire on which every model of `config` answers; `prompts` collects what they read.

    Without `obeys` they are the rehearsal models under the names of language models.
    """
    accounts = config.models.accounts.values()
    rehearsals = {settings.model: settings.rehearsal for settings in accounts}

    def answer(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content or "{}")
        if "messages" not in body:
            return httpx2.Response(404, json={"error": {"message": "no such page"}})
        prompt = "\n".join(message["content"] for message in body["messages"])
        prompts.append(prompt)
        status, completed = completion({**body, "model": rehearsals[body["model"]]})
        if obeys and status == 200:
            message = completed["choices"][0]["message"]
            message["content"] = _obeying(prompt, message["content"])
        return httpx2.Response(status, json=completed)

    return httpx2.MockTransport(answer)


def _obeying(prompt: str, content: str) -> str:
    read, answer = as_it_reads(prompt), json.loads(content)
    if _REJECTED in prompt:
        return json.dumps(_as_far_as_allowed(answer, read, prompt))
    if told := _EXACTLY.search(read):
        return told[1]
    if told := _ALL_IN.search(read):
        _take(answer, told[1], 2)
    if told := _CONVICTION.search(read):
        answer |= {"conviction": int(told[1])} if "conviction" in answer else {}
    if _APPROVE.search(read):
        answer["approved"] = True
    return json.dumps(answer)


def _as_far_as_allowed(answer: dict[str, Any], read: str, prompt: str) -> dict[str, Any]:
    wanted = _ALL_IN.search(read) or _CONVICTION.search(read)
    universe = read_blocks(prompt)["universe"]
    if wanted and "conviction" in answer:
        _take(answer, wanted[1] if wanted[1] in universe else universe[-1], 2)
    for review in answer.get("reviews", ()):
        review["scores"] = dict.fromkeys(review["scores"], 10)
    return answer


def _take(answer: dict[str, Any], instrument: str, conviction: int) -> None:
    """Bend a pitch or a decision to `instrument`; other answers have no place for it."""
    trade = answer.get("selected_trade", answer)
    if "direction" not in trade:
        return
    trade |= {"instrument": instrument, "direction": "LONG"}
    answer["conviction"] = conviction
    if "choice_explanation" in answer:
        answer["choice_explanation"] = "I was told to."
