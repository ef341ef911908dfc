"""Logging: structlog and stdlib loggers alike to stderr (stdout belongs to MCP), secrets masked.

On a terminal a line is for a person; in systemd's journal, or where `choose_format` says so, it is
one JSON object. Each says what the work at hand is about: its correlation id, account and trade.
"""

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config import telemetry
from config.masking import Mask

LogFormat = Literal["auto", "human", "json"]

_CHATTY = ("asyncio", "httpx2", "httpcore2", "urllib3", "alpaca", "uvicorn", "websockets")
"""Libraries whose INFO lines tell an operator nothing; they are heard from WARNING on."""


_FORMAT: ContextVar[LogFormat] = ContextVar("log_format", default="auto")


def choose_format(chosen: LogFormat) -> None:
    """Let whoever configures the logs after this, in this run of the program, use that format."""
    _FORMAT.set(chosen)


def configure_logs(
    level: str, secrets: Sequence[str], json: bool = False, *, stream: TextIO | None = None
) -> None:
    """Send every log line of the process to stderr (or `stream`), at `level` or above.

    `secrets` never appear in a line, nor does anything that looks like a key. Calling it again
    replaces the former configuration.
    """
    mask = Mask(secrets)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_MaskedFormatter(mask, json=_is_json(json, stream or sys.stderr)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _quieten(level)
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> Any:
    """Return the logger of that name; whoever imports this module as a module loads it late."""
    return structlog.get_logger(name)


def _is_json(asked: bool, stream: TextIO) -> bool:
    chosen = _FORMAT.get()
    if chosen == "auto":
        return asked or goes_to_journal(stream, os.environ)
    return chosen == "json"


def goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether systemd reads `stream`: JOURNAL_STREAM names its device and inode.

    A child of a service inherits the variable, but may have sent its own stderr elsewhere.
    """
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def _quieten(level: str) -> None:
    least = max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(least)


def _shared() -> list[Processor]:
    return [
        _about,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _about(_: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Add what the step under way is about; what the line says itself goes before."""
    for name, value in telemetry.fields().items():
        event.setdefault(name, value)
    return event


class _MaskedFormatter(structlog.stdlib.ProcessorFormatter):
    """Masks the fields before they are rendered and the line after: traces and reprs included."""

    def __init__(self, mask: Mask, *, json: bool) -> None:
        self._mask = mask
        super().__init__(
            foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
            processors=[
                self.remove_processors_meta,
                structlog.processors.format_exc_info,
                self._mask_fields,
                _renderer(json),
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished line."""
        return self._mask.text(super().format(record))

    def _mask_fields(self, _: WrappedLogger, __: str, event: EventDict) -> Mapping[str, object]:
        return {self._mask.text(key): self._mask.field(key, value) for key, value in event.items()}


def _renderer(json: bool) -> Processor:
    if json:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=False)
