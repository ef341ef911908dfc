"""How the answers of research services read, whatever they hold: ids, sources, texts, verdicts."""

import re
from collections.abc import Callable
from typing import Any

from council.llm.journal import stored_answer
from council.model.research import Source
from council.research.service import Failed, KeyRefused, NotAccepted, Running, Unclear
from council.research.wire import WireAnswer
from council.untrusted import clean_text

MOST_SOURCES = 60
_TITLE_CHARACTERS = 300
_URL_CHARACTERS = 2_000
_DATE_CHARACTERS = 40
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.:=~]{0,511}")
_KEY_STATUSES = frozenset({401, 403})
_GONE = 410
_BUSY = 429
_REFUSED = frozenset(range(300, 500)) - {408, 409}


def refused_or_unclear(answer: WireAnswer) -> NotAccepted | Unclear:
    """Read a submission that brought no job: was it surely not taken?"""
    if not answer.arrived or answer.status == _BUSY:
        return NotAccepted(answer.reason, transient=True)
    if answer.status in _REFUSED:
        return NotAccepted(answer.reason, transient=False)
    return Unclear(answer.reason)


def no_look(answer: WireAnswer) -> Running | Failed | KeyRefused:
    """Read a look that brought nothing; a job that cannot be found may be found the next time."""
    if answer.status in _KEY_STATUSES:
        return KeyRefused(answer.reason)
    if answer.status == _GONE:
        return Failed(f"the service no longer has the job ({answer.reason})")
    return Running(answer.reason)


def job_id_of(body: dict[str, Any]) -> str | None:
    """Return the job's id if it may stand in an address."""
    job_id = body.get("id")
    return job_id if isinstance(job_id, str) and _JOB_ID.fullmatch(job_id) else None


def report_text(text: str) -> str:
    """Return what is meant to be read of a report, as a database takes it, without thoughts."""
    visible = text.rpartition("</think>")[2].partition("<think>")[0]
    return stored_answer(visible.strip())


def one_line(value: Any, most: int) -> str:
    """Return a text on one line, cleaned and cut; what is no text is empty."""
    if not isinstance(value, str):
        return ""
    return " ".join(clean_text(value[: 4 * most]).split())[:most]


def source_of(url: Any, title: Any, published: Any = None) -> Source | None:
    """Return one source, or None where there is no web address; the texts are cleaned and cut."""
    address = one_line(url, _URL_CHARACTERS)
    if not address.lower().startswith(("http://", "https://")):
        return None
    named, dated = one_line(title, _TITLE_CHARACTERS), one_line(published, _DATE_CHARACTERS)
    return Source(title=named or address[:_TITLE_CHARACTERS], url=address, published=dated or None)


def sources_from(rows: Any, read: Callable[[dict[str, Any]], Source | None]) -> tuple[Source, ...]:
    """Return the sources in a list of JSON objects, each address once, as many as are kept."""
    listed = [read(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    by_url = {source.url: source for source in reversed(listed) if source}
    return tuple(reversed(by_url.values()))[:MOST_SOURCES]
