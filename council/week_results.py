"""What the record says of how it went: weeks read from the store, measured by the analytics."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from council.analytics.calibration import Calibration
from council.analytics.inputs import Week
from council.analytics.lens import LookThrough
from council.analytics.results import AccountResults
from council.analytics.reviewers import DissentScore, ReviewerScore
from council.analytics.shadow_books import Book
from council.analytics.stage_value import StageValue


@dataclass(frozen=True, slots=True)
class PaperGap:
    """Estimates of what a paper venue leaves out of an account's equity, in US dollars.

    Dividends are above zero where received, below where owed on shorts; borrow is zero or above.
    """

    account: str
    dividends_usd: Decimal
    borrow_usd: Decimal


@dataclass(frozen=True, slots=True)
class Results:
    """All measures over `weeks` (oldest first) as they stood at `until_at`.

    Accounts stand in the order of the configuration, the chairman's last.
    """

    until_at: datetime
    weeks: tuple[Week, ...]
    accounts: tuple[str, ...]
    chairman: str
    to_date: tuple[AccountResults, ...]
    by_week: Mapping[str, tuple[AccountResults, ...]]
    gaps: Mapping[str, tuple[PaperGap, ...]]
    """By week; those of all weeks are their sum."""
    books: tuple[Book, ...]
    stages: tuple[StageValue, ...]
    calibrations: tuple[Calibration, ...]
    reviewers: tuple[ReviewerScore, ...]
    dissents: tuple[DissentScore, ...]
    exposure: LookThrough | None
    """Of what all accounts held at the newest marks; None where nothing was marked."""
    notices: tuple[str, ...]
    """What is missing, one sentence each."""
