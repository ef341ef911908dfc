"""The answer in one sentence: who led, how the council compares, and whether it was worth it."""

from collections.abc import Mapping, Sequence
from typing import Final

from council.analytics.resampling import Estimate, NotEnoughWeeks
from council.analytics.shadow_books import BookKind
from council.analytics.stage_value import Stage, StageValue
from council.week_results import Results
from mcp_server.reporting import words
from mcp_server.reporting.curves import to_date_return
from mcp_server.reporting.document import Figure
from mcp_server.reporting.material import PostmortemMaterial

_AGAINST: Final = (
    (BookKind.SPY, "SPY"),
    (BookKind.MEAN_OF_MANAGERS, "the managers' mean"),
)
_WORTH: Final = ((Stage.REVIEW, "review"), (Stage.CHAIRMAN, "the chairman"))
Returns = Mapping[str, float | None]


def week_returns(material: PostmortemMaterial) -> Returns:
    """Return what each account made in the week."""
    return {line.account: line.time_weighted_return for line in material.numbers.accounts}


def week_books(material: PostmortemMaterial) -> Returns:
    """Return what each shadow book that is nobody's own made in the week."""
    return {line.book: line.net_return for line in material.numbers.books if line.account is None}


def date_returns(results: Results) -> Returns:
    """Return what each account has made to date."""
    return {line.account: line.time_weighted_return for line in results.to_date}


def date_books(results: Results) -> Returns:
    """Return what each shadow book that is nobody's own has made to date."""
    return {book.kind.value: to_date_return(book) for book in results.books if book.account is None}


def answer(results: Results, accounts: Returns, books: Returns) -> str:
    """Return the sentence over these returns, of a week or of all."""
    known = {name: made for name, made in accounts.items() if made is not None}
    leaders = _leaders(known)
    parts = [_led(known, leaders), _compared(results.chairman, known, books), worth(results.stages)]
    if results.chairman in leaders:
        # What it made has been told.
        parts[:2] = [_led(known, leaders) + _against_all(known[leaders[0]], books)]
    return f"{'; '.join(part for part in parts if part)}."


def figures(results: Results, accounts: Returns, books: Returns) -> tuple[Figure, ...]:
    """Return the leader, the council and what both are held against."""
    known = {name: made for name, made in accounts.items() if made is not None}
    best = max(known, key=lambda name: known[name], default=None)
    leader = (Figure(best, words.percent(known[best]), "led"),) if best else ()
    council = Figure(results.chairman, words.percent(accounts.get(results.chairman)), "the council")
    shown = () if best == results.chairman else (council,)
    against = [
        Figure(words.BOOK_WORDS[kind], words.percent(books.get(kind)), "benchmark")
        for kind, _ in _AGAINST
    ]
    return (*leader, *shown, *against)


def worth(stages: Sequence[StageValue]) -> str:
    """Say what review and chairman add a week, or that it cannot be told."""
    found = {value.stage: value.mean_usd for value in stages}
    both = [(name, found[stage]) for stage, name in _WORTH if stage in found]
    known = [(name, one) for name, one in both if isinstance(one, Estimate)]
    few = [(name, one) for name, one in both if isinstance(one, NotEnoughWeeks)]
    return "; ".join((*_told(known), *_too_early(few)))


def _told(known: Sequence[tuple[str, Estimate]]) -> tuple[str, ...]:
    if not known:
        return ()
    said = words.listed(_verdict(name, one) for name, one in known)
    lead = "" if any(one.is_certain for _, one in known) else "not sure yet: "
    weeks = words.counted(known[0][1].count, "week")
    return (f"{lead}{said} a week (95 %, {weeks})",)


def _too_early(few: Sequence[tuple[str, NotEnoughWeeks]]) -> tuple[str, ...]:
    if not few:
        return ()
    names = words.listed(name for name, _ in few)
    counts = words.listed(str(len(one.weeks)) for _, one in few)
    verb = "is" if len(few) == 1 else "are"
    needed = few[0][1].needed
    return (f"not enough weeks to tell what {names} {verb} worth ({counts} of {needed})",)


def _leaders(known: Mapping[str, float]) -> list[str]:
    best = max(known.values(), default=None)
    return [name for name, made in known.items() if made == best]


def _led(known: Mapping[str, float], leaders: Sequence[str]) -> str:
    if not leaders:
        return "No account was marked often enough to tell a return"
    return f"{words.listed(leaders)} led with {words.percent(known[leaders[0]])}"


def _compared(chairman: str, known: Mapping[str, float], books: Returns) -> str:
    own = known.get(chairman)
    if own is None:
        return f"what {chairman} made is not known"
    return f"{chairman} made {words.percent(own)}{_against_all(own, books)}"


def _against_all(own: float, books: Returns) -> str:
    found = [(name, books.get(kind)) for kind, name in _AGAINST]
    compared = [_against(own, name, made) for name, made in found if made is not None]
    return f", {words.listed(compared)}" if compared else ""


def _against(own: float, name: str, made: float) -> str:
    # What is equal to the last digit shown is called equal.
    if words.percent(own) == words.percent(made):
        return f"as much as {name}"
    word = "more" if own > made else "less"
    return f"{word} than {name} ({words.percent(made)})"


def _verdict(name: str, found: Estimate) -> str:
    if not found.is_certain:
        return f"{name} adds {words.bounds(found, unit='usd')}"
    word = "adds" if found.mean > 0 else "costs"
    amount = words.usd(abs(found.mean), plus=False)
    return f"{name} {word} {amount} ({words.bounds(found, unit='usd')})"
