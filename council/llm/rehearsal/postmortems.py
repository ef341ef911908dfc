"""The rehearsal postmortem: reads the numbers by rules, and learns only what a rule has to teach.

It knows no more than the numbers say, and says it in the order in which a reader would ask.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from council.llm.rehearsal.reading import Blocks
from council.llm.rehearsal.wording import capped

_Row = dict[str, Any]

_KILL_SHOTS: Final = (
    "Where the harshest objection to a pitch stays unanswered, hold it with less conviction: such "
    "objections came true."
)
_DEPARTED: Final = (
    "Depart from the best-reviewed pitch only for an argument that its reviewers did not have: "
    "departing cost money."
)
_FOLLOWED: Final = (
    "Do not settle on the best-reviewed pitch by its scores alone: its own invalidation should "
    "decide."
)
_TURNED_DOWN: Final = (
    "Before proposing, ask why a person would turn the trade down: what was turned down would have "
    "lost."
)
_PANIC: Final = (
    "Leave a trade only where a frozen indicator or the invalidation says so: other exits cost "
    "money."
)
COUNCIL, APPROVED = "council", "a person approved the trade"
"""Words of the question: whose account the council's is, and what a verdict says that let go."""
_MOST_CLAIMS, _MOST_LESSONS, _MOST_EVIDENCE = 12, 3, 8
_FEWEST_KILL_SHOTS = 2
_MOST_TROUBLES = 4


@dataclass(frozen=True, slots=True)
class _Week:
    """The blocks of the question by what the rules ask of them."""

    numbers: _Row
    events: list[_Row]
    lessons: list[_Row]

    def of_kind(self, *kinds: str, account: str | None = None) -> list[_Row]:
        return [
            row
            for row in self.events
            if row["kind"] in kinds and account in (None, row.get("account"))
        ]

    def stage(self, name: str) -> _Row:
        return next(row for row in self.numbers["stages"] if row["stage"] == name)

    def pitch_return(self, label: str) -> float | None:
        for row in self.numbers["shadow_books"]:
            if (row["book"], row.get("account")) == ("pitch", label):
                found: float | None = row["return_this_week"]
                return found
        return None

    def true_kill_shots(self) -> list[_Row]:
        results = ((row, self.pitch_return(row["about"])) for row in self.of_kind("kill_shot"))
        return [row for row, gained in results if gained is not None and gained < 0]


def postmortem(blocks: Blocks) -> dict[str, Any]:
    """Return claims, lessons and confirmations, as JSON."""
    week = _Week(blocks["numbers"], blocks["events"], blocks["lessons"])
    claims = [claim for rule in _CLAIMS for claim in rule(week)]
    learned = [(text, _handles(rows)) for text, rule in LESSONS.items() if (rows := rule(week))]
    known = {row["text"]: row["handle"] for row in week.lessons}
    return {
        "claims": [claim for claim in claims if claim["evidence"]][:_MOST_CLAIMS],
        "lessons": [
            {"text": text, "evidence": handles} for text, handles in learned if text not in known
        ][:_MOST_LESSONS],
        "confirmed": [
            {"lesson": known[text], "evidence": handles}
            for text, handles in learned
            if text in known
        ],
    }


def _extremes(week: _Week) -> Iterator[_Row]:
    """Name the best and the worst account, with what they pitched."""
    known = [row for row in week.numbers["accounts_this_week"] if row["profit_usd"] is not None]
    ordered = sorted(known, key=lambda row: (-row["profit_usd"], row["account"]))
    if len({row["profit_usd"] for row in ordered}) > 1:
        yield _extreme("best", ordered[0], week)
        yield _extreme("worst", ordered[-1], week)
    elif ordered:
        text = f"No account stood out: each came to {ordered[0]['profit_usd']:+.2f} USD."
        yield _claim(text, week.of_kind("worth"))


def _extreme(word: str, row: _Row, week: _Week) -> _Row:
    account, profit = row["account"], row["profit_usd"]
    name = "The council" if account == COUNCIL else account
    views = week.of_kind("pitch", "decision", account=account)
    said = f" with {views[-1]['text'].partition(';')[0]}" if views else ""
    marks = week.of_kind("worth", account=account)
    result = f"{'gained' if profit >= 0 else 'lost'} {abs(profit):.2f} USD"
    return _claim(f"{name} did {word}: it {result}{said}.", [*views[-1:], *marks[-1:]])


def _of_stage(
    stage: str, told: str, chosen: Callable[[_Week], list[_Row]]
) -> Callable[[_Week], Iterator[_Row]]:
    """Return the rule that says what a stage was worth, on the events that `chosen` finds."""

    def rule(week: _Week) -> Iterator[_Row]:
        row = week.stage(stage)
        value = row["value_this_week_usd"]
        if value is None or not row["cases_this_week"]:
            return
        helped = "helped" if value > 0 else "cost money" if value < 0 else "changed nothing"
        yield _claim(f"{told} {helped}: {value:+.2f} USD this week.", chosen(week))

    return rule


def _decisions(week: _Week) -> list[_Row]:
    return week.of_kind("decision")


def _changes(week: _Week) -> list[_Row]:
    return week.of_kind("change")


def _turned_down(week: _Week) -> list[_Row]:
    return [row for row in week.of_kind("verdict") if row["text"] != APPROVED]


def _kill_shots(week: _Week) -> Iterator[_Row]:
    for row in week.true_kill_shots():
        text = f"The harshest objection to {row['about']} came true: {row.get('quote', '')}"
        pitches = week.of_kind("pitch", account=row["about"])
        yield _claim(text, [row, *pitches[-1:]])


def _panics(week: _Week) -> Iterator[_Row]:
    for row in week.numbers["accounts_this_week"]:
        if row["panic_exits"]:
            cost = f"{row['panic_exits']} panic exits cost {row['panic_cost_usd']:.2f} USD"
            changes = week.of_kind("change", account=row["account"])
            yield _claim(f"{row['account']}: {cost}.", changes)


def _machinery(week: _Week) -> Iterator[_Row]:
    troubles = week.of_kind("abstention", "refusal", "halt", "drift", "gap")[:_MOST_TROUBLES]
    if troubles:
        listed = ", ".join(dict.fromkeys(row["text"] for row in troubles))
        yield _claim(f"Not all went as planned: {listed}.", troubles)


def _claim(text: str, rows: Iterable[_Row]) -> _Row:
    return {"text": capped(text), "evidence": _handles(rows)}


def _handles(rows: Iterable[_Row]) -> list[str]:
    return list(dict.fromkeys(row["handle"] for row in rows))[:_MOST_EVIDENCE]


def _teaches_kill_shots(week: _Week) -> list[_Row]:
    came_true = week.true_kill_shots()
    enough = len(came_true) >= _FEWEST_KILL_SHOTS
    return came_true if enough and 2 * len(came_true) > len(week.of_kind("kill_shot")) else []


def _teaches_departing(week: _Week) -> list[_Row]:
    return (
        week.of_kind("decision") if (week.stage("chairman")["value_this_week_usd"] or 0) < 0 else []
    )


def _teaches_following(week: _Week) -> list[_Row]:
    return (
        week.of_kind("decision") if (week.stage("review")["value_this_week_usd"] or 0) < 0 else []
    )


def _teaches_turning_down(week: _Week) -> list[_Row]:
    saved = (week.stage("veto")["value_this_week_usd"] or 0) > 0
    return [row for row in _turned_down(week) if row.get("quote")] if saved else []


def _teaches_staying(week: _Week) -> list[_Row]:
    costly = [row for row in week.numbers["accounts_this_week"] if row["panic_cost_usd"] > 0]
    return [event for row in costly for event in week.of_kind("change", account=row["account"])]


_CLAIMS: Final = (
    _extremes,
    _of_stage("review", "Against the mean of the managers, the best-reviewed pitch", _decisions),
    _of_stage("chairman", "Against the best-reviewed pitch, the decision", _decisions),
    _of_stage("veto", "Turning trades down, or letting them expire,", _turned_down),
    _of_stage("checkpoints", "What the looks at open trades changed", _changes),
    _panics,
    _kill_shots,
    _machinery,
)
LESSONS: Final = {
    _KILL_SHOTS: _teaches_kill_shots,
    _DEPARTED: _teaches_departing,
    _FOLLOWED: _teaches_following,
    _TURNED_DOWN: _teaches_turning_down,
    _PANIC: _teaches_staying,
}
"""By its text, the events that teach a lesson in a week; none where they do not."""
