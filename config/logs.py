"""Logging: structlog and stdlib loggers alike to stderr (stdout belongs to MCP), secrets masked."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.masking import Mask

_CHATTY = ("asyncio", "httpx2", "httpcore2", "urllib3", "alpaca", "uvicorn", "websockets")
"""Libraries whose INFO lines tell an operator nothing; they are heard from WARNING on."""


def configure_logs(
    level: str, secrets: Sequence[str], json: bool = False, *, stream: TextIO | None = None
) -> None:
    """Send every log line of the process to stderr (or `stream`), at `level` or above.

    `secrets` never appear in a line, nor does anything that looks like a key. Calling it again
    replaces the former configuration.
    """
    mask = Mask(secrets)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_MaskedFormatter(mask, json=json))
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


def _quieten(level: str) -> None:
    least = max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(least)


def _shared() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


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
