"""The rows that results leave in the read tables: accounts' worth and postmortems. Pure."""

from council.result_facts import EquityMarked, PostmortemAbstained, PostmortemWritten
from store.events import RowChange, StoredEvent

Rows = tuple[RowChange, ...]


def equity_marked(fact: EquityMarked, event: StoredEvent) -> Rows:
    """Return the row of one mark of an account."""
    key = {"account_id": fact.account, "session_on": fact.session_on, "slot": fact.slot}
    values = {
        "week_id": fact.week_id,
        "venue": fact.venue.value,
        "account_number": fact.account_number,
        "equity_usd": fact.equity_usd,
        "cash_usd": fact.cash_usd,
        "positions": fact.positions,
        "dividends_usd": fact.dividends_usd,
        "borrow_usd": fact.borrow_usd,
        "marked_at": fact.marked_at,
    }
    return (RowChange("equity_marks", key, values),)


def postmortem_written(fact: PostmortemWritten, event: StoredEvent) -> Rows:
    """Return the row of a week's postmortem."""
    values = {
        "account_id": fact.account,
        "model": fact.postmortem.model,
        "abstention": None,
        "numbers": fact.numbers,
        "content": fact.postmortem,
        "written_at": fact.postmortem.written_at,
    }
    return (RowChange("weekly_postmortems", {"week_id": fact.week_id}, values),)


def postmortem_abstained(fact: PostmortemAbstained, event: StoredEvent) -> Rows:
    """Return the row of a week whose numbers no text reads; a later text replaces it."""
    values = {
        "account_id": fact.account,
        "model": fact.model,
        "abstention": fact.reason,
        "numbers": fact.numbers,
        "written_at": event.timestamp,
    }
    return (RowChange("weekly_postmortems", {"week_id": fact.week_id}, values),)
