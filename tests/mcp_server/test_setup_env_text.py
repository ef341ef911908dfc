"""The env file's text: what is written is read back, and what is not ours stays."""

from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server.setting_up.env_text import settings_in, text_with

TEXT = """\
# mine

export REQUESTY_API_KEY=old # a comment

UNKNOWN="kept as it is"
not a setting at all
GEMINI_API_KEY='two'
GEMINI_API_KEY=three
"""
_VALUES = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1
)


def test_lines_that_are_not_named_stay_as_they_are() -> None:
    text = text_with(TEXT, {"REQUESTY_API_KEY": "new", "PERPLEXITY_API_KEY": "pplx-1"})

    assert text == TEXT.replace(
        "export REQUESTY_API_KEY=old # a comment", "REQUESTY_API_KEY=new"
    ) + ("PERPLEXITY_API_KEY=pplx-1\n")


def test_a_name_that_stands_twice_gets_one_value() -> None:
    text = text_with(TEXT, {"GEMINI_API_KEY": "four"})

    assert settings_in(text)["GEMINI_API_KEY"] == "four"
    assert text.count("four") == 1


def test_a_setting_that_is_taken_back_is_empty() -> None:
    text = text_with(TEXT, {"REQUESTY_API_KEY": None, "NEVER_SET": None})

    assert "REQUESTY_API_KEY" not in settings_in(text)
    assert "REQUESTY_API_KEY=\n" in text
    assert "NEVER_SET" not in text


def test_a_last_line_without_its_end_is_not_run_into() -> None:
    assert text_with("A=1", {"B": "2"}) == "A=1\nB=2\n"


def test_a_new_file_says_what_it_is() -> None:
    assert text_with("", {"A": "1"}).startswith("# Settings of")


@example(value="two \\\\ and its quote's end \\", before=TEXT)
@given(value=_VALUES.filter(lambda text: text == text.strip()), before=st.sampled_from(["", TEXT]))
def test_whatever_is_written_is_read_back(
    value: str, before: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "env"

    path.write_text(text_with(before, {"REQUESTY_API_KEY": value}), encoding="utf-8")

    assert _as_the_settings_read_it(path)["REQUESTY_API_KEY"] == value


def _as_the_settings_read_it(path: Path) -> dict[str, str | None]:
    return dotenv_values(path, interpolate=False)
