"""The questions of `council setup`: what is kept, replaced, removed, refused, and never said."""

from collections.abc import Iterator, Mapping

import pytest

from config.errors import UsageError
from mcp_server.setting_up.wizard import Answers, Before, Known, Source, asked, unasked

PAPER = "https://paper-api.alpaca.markets"
GATEWAY_KEY = "rqsty-sk-abcdefgh"


class Scripted:
    """Answers by the beginning of the question; whatever is not named gets Enter."""

    def __init__(self, answers: Mapping[str, list[str | bool]]) -> None:
        self._answers = {start: iter(given) for start, given in answers.items()}
        self.heard: list[str] = []

    def tell(self, sentence: str) -> None:
        self.heard.append(sentence)

    def yes(self, question: str, *, default: bool) -> bool:
        return bool(self._next(question, default))

    def text(self, question: str, *, default: str) -> str:
        return str(self._next(question, default))

    def hidden(self, question: str) -> str:
        return str(self._next(question, ""))

    def _next(self, question: str, default: str | bool) -> str | bool:
        self.heard.append(question)
        for start, given in self._answers.items():
            if question.startswith(start):
                return next(given, default)
        return default


def make_before(
    settings: Mapping[str, str] | None = None, *, source: Source = "file", has_secret: bool = False
) -> Before:
    known = {name: Known(value, source) for name, value in (settings or {}).items()}
    return Before(known, ("CLAUDE", "GROQ"), PAPER, has_secret)


def answered(answers: Mapping[str, list[str | bool]], before: Before | None = None) -> Answers:
    return asked(Scripted(answers), before or make_before(), keyless=False)


def test_enter_at_every_question_changes_nothing() -> None:
    before = make_before({"REQUESTY_API_KEY": GATEWAY_KEY, "ALPACA_GROQ_KEY_ID": "PKAAAABBBB"})

    assert answered({}, before) == Answers({}, None)


def test_keyless_asks_for_no_key() -> None:
    asking = Scripted({})

    asked(asking, make_before(), keyless=True)

    assert not [question for question in asking.heard if "key" in question.lower()]


def test_keys_are_gathered_for_models_and_accounts() -> None:
    given = answered(
        {
            "Enter keys": [True, True],
            "Model gateway": [GATEWAY_KEY],
            "CLAUDE key id": ["PKABCDEFGH1234"],
            "CLAUDE secret": ["abcdefghijkl"],
        }
    )

    assert given.changes == {
        "REQUESTY_API_KEY": GATEWAY_KEY,
        "ALPACA_CLAUDE_KEY_ID": "PKABCDEFGH1234",
        "ALPACA_CLAUDE_SECRET_KEY": "abcdefghijkl",
    }


def test_a_key_of_openrouter_suggests_its_address() -> None:
    given = answered({"Enter keys": [True], "Model gateway": ["sk-or-v1-abcdef"]})

    assert given.changes["REQUESTY_BASE_URL"] == "https://openrouter.ai/api/v1"


def test_a_minus_removes_a_key_and_both_halves_of_an_accounts() -> None:
    before = make_before({"GEMINI_API_KEY": "AIzaabcdefgh", "ALPACA_GROQ_KEY_ID": "PKAAAABBBB"})

    given = answered({"Gemini": ["-"], "GROQ key id": ["-"]}, before)

    assert given.changes == {
        "GEMINI_API_KEY": None,
        "ALPACA_GROQ_KEY_ID": None,
        "ALPACA_GROQ_SECRET_KEY": None,
    }


@pytest.mark.parametrize(
    ("question", "bad", "said"),
    [
        ("Perplexity", "pplx two words", "a space"),
        ("Perplexity", "pplx", "shorter"),
        ("Perplexity", "your-key-here", "placeholder"),
        ("GROQ key id", "AKLIVELIVE1234", "not a key of a paper account"),
    ],
)
def test_what_cannot_be_a_key_is_asked_again_and_never_repeated(
    question: str, bad: str, said: str
) -> None:
    asking = Scripted({"Enter keys": [True, True], question: [bad]})

    given = asked(asking, make_before(), keyless=False)

    heard = "\n".join(asking.heard)
    assert given.changes == {}
    assert said in heard
    assert bad not in heard


def test_three_unusable_answers_end_it() -> None:
    with pytest.raises(UsageError, match=r"PERPLEXITY_API_KEY .* nothing was changed"):
        answered({"Enter keys": [True], "Perplexity": ["x", "y", "z"]})


def test_an_unusual_key_is_asked_about() -> None:
    given = answered({"Enter keys": [True], "Gemini": ["AQ.abcdefgh"], "It does not": [True]})

    assert given.changes == {"GEMINI_API_KEY": "AQ.abcdefgh"}


def test_no_question_shows_more_than_the_first_characters_of_a_secret() -> None:
    address = "postgresql://council:hidden-word@db/council"
    before = make_before({"REQUESTY_API_KEY": GATEWAY_KEY, "DATABASE_URL": address})
    asking = Scripted({})

    asked(asking, before, keyless=False)

    heard = "\n".join(asking.heard)
    assert "rqst..." in heard
    assert "postgresql://council:***@db/council" in heard
    assert GATEWAY_KEY not in heard
    assert "hidden-word" not in heard


@pytest.mark.parametrize(
    ("answer", "stored"), [("postgresql://u:p@h/n", "postgresql://u:p@h/n"), ("embedded", None)]
)
def test_another_database_is_taken_and_the_embedded_one_again(
    answer: str, stored: str | None
) -> None:
    given = answered({"Database": [True], "Address postgresql": [answer]})

    assert given.changes == {"DATABASE_URL": stored}


def passphrases() -> Iterator[tuple[list[str | bool], list[str | bool], str | None]]:
    yield ["correct horse"], ["correct horse"], "correct horse"
    yield [""], [], None
    yield ["short", "correct horse"], ["correct horse"], "correct horse"
    yield ["correct horse", "another one"], ["a slip", "another one"], "another one"


@pytest.mark.parametrize(("first", "again", "secret"), list(passphrases()))
def test_the_passphrase_is_asked_twice(
    first: list[str | bool], again: list[str | bool], secret: str | None
) -> None:
    given = answered({"Approval passphrase": first, "The same again": again})

    assert given.secret == secret


def test_a_passphrase_that_is_set_stays() -> None:
    given = answered({"Approval passphrase": ["another one"]}, make_before(has_secret=True))

    assert given.secret is None


def test_without_questions_the_keys_of_this_shell_are_stored() -> None:
    settings = {"REQUESTY_API_KEY": GATEWAY_KEY, "DB_MIN_POOL_SIZE": "3"}

    assert unasked(make_before(settings, source="shell"), keyless=False).changes == {
        "REQUESTY_API_KEY": GATEWAY_KEY
    }
    assert unasked(make_before(settings, source="shell"), keyless=True).changes == {}
    assert unasked(make_before(settings, source="file"), keyless=False).changes == {}


def test_without_questions_an_unusable_key_is_refused() -> None:
    before = make_before({"REQUESTY_API_KEY": "your-key-here"}, source="shell")

    with pytest.raises(UsageError, match=r"REQUESTY_API_KEY .* Nothing was changed"):
        unasked(before, keyless=False)
