"""That nobody reads in a postmortem's question which model stands behind an account."""

from council.aliases import COUNCIL, STRANGER, aliases_of
from council.context import WeekContext
from tests.builders import CHAIRMAN, MANAGERS, WEEK_ID, make_config, make_pitch
from tests.council.postmortem_builders import CONFIG, CONTEXT, aliases


def test_every_account_has_a_label_of_its_own_and_the_chairman_is_the_council() -> None:
    labels = [aliases().of(account) for account in (*MANAGERS, CHAIRMAN)]

    assert sorted(labels) == ["P1", "P2", "P3", "P4", "P5", COUNCIL]


def test_whoever_pitched_has_the_label_of_its_pitch_and_the_silent_get_the_next() -> None:
    context = WeekContext(WEEK_ID, pitches=(make_pitch("DELTA"),))

    found = aliases_of(context, CONFIG)

    assert found.of("DELTA") == "P1"
    assert {found.of(name) for name in MANAGERS if name != "DELTA"} == {"P2", "P3", "P4", "P5"}


def test_an_account_that_left_is_a_stranger() -> None:
    assert aliases_of(CONTEXT, make_config(managers=("ALPHA",))).of("ZULU") == STRANGER


def test_nicknames_become_labels_and_other_names_are_taken_out() -> None:
    label = aliases().of("ALPHA")

    assert aliases().masked("I do not trust ALPHA, nor Claude 4.5.") == (
        f"I do not trust {label}, nor [name]."
    )


def test_a_word_that_only_holds_a_nickname_stays() -> None:
    text = "ALPHABET, an XALPHA and the board"

    assert aliases().relabelled(text) == text


def test_people_read_nicknames_for_labels_and_unknown_labels_as_they_are() -> None:
    label = aliases().of("BRAVO")

    assert aliases().unmasked(f"{label} beat P9 and the S&P500.") == "BRAVO beat P9 and the S&P500."
