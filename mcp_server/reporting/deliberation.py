"""The sections on how the week was argued: convictions at each checkpoint, and who scored whom."""

from collections.abc import Mapping

from council.analytics.charting.axes import signed
from council.analytics.charts import Look, conviction_path, review_matrix
from council.analytics.inputs import AccountWeek, Week
from mcp_server.reporting import words
from mcp_server.reporting.document import Listing, Paragraph, Picture, Row, Section, Table


def deliberation_section(week: Week | None) -> Section | None:
    """Return the week's convictions and scores, None where neither was recorded."""
    if week is None:
        return None
    found = [part for part in (_path(week), _matrix(week)) if part is not None]
    quiet = () if _path(week) else (Paragraph("No checkpoint looked at a trade.", is_quiet=True),)
    return Section("deliberation", "How it was argued", (*found, *quiet)) if found else None


def _path(week: Week) -> Picture | None:
    looks = {own.account: _looks(own) for own in week.accounts if own.checkpoints}
    if not looks:
        return None
    told = Listing(tuple(f"{name}: {_told(path)}." for name, path in looks.items()))
    return Picture(conviction_path(looks), told)


def _looks(own: AccountWeek) -> tuple[Look, ...]:
    """Return (instant, conviction, action) of each checkpoint, oldest first."""
    seen = sorted(own.checkpoints, key=lambda look: look.taken_at)
    return tuple((look.taken_at, look.conviction_after, look.action.value) for look in seen)


def _told(path: tuple[Look, ...]) -> str:
    """Name what changed; to stay, time after time, is only counted."""
    changes = [look for look in path if look[2] != "STAY"]
    stays = len(path) - len(changes)
    said = [f"{action} to {signed(float(c), places=1, plus=True)}" for _, c, action in changes]
    first = [words.counted(stays, "look") + " that stayed"] if stays else []
    return words.listed([*said, *first])


def _matrix(week: Week) -> Picture | None:
    scores = _scores(week)
    if not scores:
        return None
    reviewers = tuple(dict.fromkeys(reviewer for reviewer, _ in scores))
    authors = tuple(pitch.account for pitch in week.pitches)
    table = _score_table(reviewers, authors, scores)
    return Picture(review_matrix(reviewers, authors, scores), table)


def _scores(week: Week) -> Mapping[tuple[str, str], float]:
    authors = {pitch.idea_id: pitch.account for pitch in week.pitches}
    order = list(authors.values())
    known = [review for review in week.reviews if review.pitch_id in authors]
    # Reviewers stand in the authors' order, so that the empty cells make a diagonal.
    known.sort(key=lambda one: (one.reviewer not in order, *_place(order, one.reviewer)))
    return {(one.reviewer, authors[one.pitch_id]): one.scores.mean for one in known}


def _place(order: list[str], name: str) -> tuple[int, str]:
    return (order.index(name) if name in order else 0), name


def _score_table(
    reviewers: tuple[str, ...], authors: tuple[str, ...], scores: Mapping[tuple[str, str], float]
) -> Table:
    rows = tuple(
        Row((one, *(words.plain_number(scores.get((one, author)), places=1) for author in authors)))
        for one in reviewers
    )
    return Table("Mean score, 1 to 10, reviewers in rows", ("Reviewer", *authors), rows)
