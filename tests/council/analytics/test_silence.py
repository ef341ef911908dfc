from typing import Any

from council.analytics.silence import silence_sentence, silent_managers


def row(week_id: str, account: str, status: str = "abstained") -> dict[str, Any]:
    reason = "no answer" if status == "abstained" else None
    return {"week_id": week_id, "account_id": account, "status": status, "abstention": reason}


def test_one_silent_week_is_not_told_and_two_are() -> None:
    once = [row("w1", "ALPHA", "valid"), row("w2", "ALPHA")]
    twice = [*once, row("w3", "ALPHA")]

    assert silent_managers(once, ["ALPHA"]) == ()
    (silence,) = silent_managers(twice, ["ALPHA"])
    assert (silence.weeks, silence.since) == (2, "w2")
    assert silence_sentence(silence).startswith(
        "ALPHA has given no pitch for 2 weeks, since w2 (no answer): look at"
    )


def test_a_pitch_ends_the_silence() -> None:
    rows = [row("w1", "ALPHA"), row("w2", "ALPHA"), row("w3", "ALPHA", "repaired")]

    assert silent_managers(rows, ["ALPHA"]) == ()


def test_weeks_in_which_an_account_was_not_asked_end_its_silence() -> None:
    rows = [row("w1", "ALPHA"), row("w2", "BRAVO", "valid"), row("w3", "ALPHA")]

    assert silent_managers(rows, ["ALPHA", "BRAVO"]) == ()


def test_an_account_that_left_the_file_is_not_told() -> None:
    assert silent_managers([row("w1", "GONE"), row("w2", "GONE")], ["ALPHA"]) == ()
