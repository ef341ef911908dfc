"""The reference of settings says what the program says."""

from pathlib import Path

from config.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_is_what_the_schemas_and_the_template_say() -> None:
    made = reference()

    assert PAGE.read_text(encoding="utf-8") == made, (
        "Make it anew: python -m config.reference docs/configuration.md"
    )


def test_every_key_and_every_variable_is_explained() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]

    assert len(rows) > 100
    assert not [row for row in rows if row.endswith("|  |")]
