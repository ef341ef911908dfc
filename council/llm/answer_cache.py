"""Answers of models kept by what was asked, so that a second simulation of the same weeks is free.

One file for each answer, named by the SHA-256 of the gateway and the whole request: model, every
message, every option, the schema among them. A failure is never kept, nor is an empty answer: who
asks again wants another try. What comes out of here cost nothing and says so.
"""

import asyncio
import hashlib
import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from config.errors import ConfigError
from config.ids import random_id
from council.llm.gateway import ChatRequest
from council.llm.replies import Reply
from council.model.base import Value

_Tokens = Annotated[int, Field(ge=0)]


class KeptAnswer(Value):
    """An answer as it lies in its file; `paid_usd` is what it cost when it was asked for."""

    model: str
    text: str
    finish_reason: str | None
    served_model: str | None
    prompt_tokens: _Tokens | None
    completion_tokens: _Tokens | None
    paid_usd: Decimal | None


class AnswerCache:
    """The answers of one gateway (its host) in `folder`; any number of processes may share it."""

    def __init__(self, folder: Path, gateway: str) -> None:
        self._folder = folder
        self._gateway = gateway

    async def find(self, request: ChatRequest) -> Reply | None:
        """Return what the same request was answered before; a damaged file counts as none."""
        kept = await asyncio.to_thread(_read, self._path_of(request))
        if kept is None:
            return None
        return Reply(
            outcome="answered",
            text=kept.text,
            finish_reason=kept.finish_reason,
            served_model=kept.served_model,
            prompt_tokens=kept.prompt_tokens,
            completion_tokens=kept.completion_tokens,
            cost_usd=kept.paid_usd,
            kept=True,
        )

    async def keep(self, request: ChatRequest, reply: Reply) -> None:
        """Keep `reply` if it is an answer; of two at once the later one stays.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if reply.outcome != "answered" or not _is_text(reply.text) or reply.kept:
            return
        kept = KeptAnswer(
            model=request.model,
            text=reply.text or "",
            finish_reason=reply.finish_reason,
            served_model=reply.served_model,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            paid_usd=reply.cost_usd,
        )
        await asyncio.to_thread(_write, self._path_of(request), kept)

    def _path_of(self, request: ChatRequest) -> Path:
        asked = [self._gateway, request.model, request.messages, request.options]
        canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
        name = hashlib.sha256(canonical.encode()).hexdigest()
        # Two letters to a folder: some file systems slow down with many files in one.
        return self._folder / name[:2] / f"{name}.json"


def _is_text(text: str | None) -> bool:
    """Tell whether there is anything to keep, and a file can hold it: no lone surrogates."""
    letters = (text or "").strip()
    return bool(letters) and not any("\ud800" <= letter <= "\udfff" for letter in letters)


def _read(path: Path) -> KeptAnswer | None:
    try:
        return KeptAnswer.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _write(path: Path, kept: KeptAnswer) -> None:
    """Replace the file in one step: a reader sees a whole answer or none."""
    fresh = path.with_name(f".{path.name}-{random_id().hex}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(kept.model_dump_json(), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise ConfigError(
            f"The answers of the models cannot be kept in {path.parent}: {error.strerror}."
        ) from error
