"""`council postmortem` and `council leaderboard`: what they print, write and refuse."""

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_server import cli
from mcp_server.commands import results
from tests.mcp_server.conftest import settings_for
from tests.mcp_server.past_weeks import PastWeek, past_week

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command and gives its code, its output and its error."""

    def ran(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ran


def test_before_any_week_is_over_there_is_nothing_to_write(run: Any) -> None:
    code, out, error = run("postmortem", "--json")

    assert (code, out) == (2, "")
    assert json.loads(error)["error"]["message"].startswith("No week is over yet")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--week", "2026-11-19"), "the nearest is 2026-11-18"),
        (("--week", "2026-11-11"), "Nothing is stored of week 2026-11-11"),
        (("--markdown", "--json"), "each is one document"),
        (("--html", "no/such/folder/week.html"), "name a file in a folder that exists"),
        (("--png", "."), "name a file in a folder that exists"),
    ],
)
def test_what_cannot_be_done_is_a_usage_error_before_anything_is_asked(
    run: Any, arguments: tuple[str, ...], said: str
) -> None:
    code, out, error = run("postmortem", *arguments)

    assert (code, out) == (2, "")
    assert said in error


def test_the_leaderboard_of_no_weeks_is_empty_and_says_so(run: Any, tmp_path: Path) -> None:
    page = tmp_path / "board.html"

    code, out, _ = run("leaderboard", "--json")
    drawn_code, drawn, told = run("leaderboard", "--html", str(page))

    shape = json.loads(out)
    assert (code, drawn_code) == (0, 0)
    assert shape["weeks"] == []
    assert all(line["mean_bps"] is None for line in shape["stages"])
    assert "Leaderboard, 0 weeks" in drawn
    assert page.read_text().lower().startswith("<!doctype html>")
    assert f"Written to {page}." in told.replace("\n", "")


@pytest.fixture
def after_its_end(week_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PastWeek:
    """Let commands find this week's database an hour after the week's end."""
    past = past_week(settings_for(week_dsn, tmp_path))
    monkeypatch.setattr(results, "assembled", lambda *_: past.opening()())
    return past


def test_a_postmortem_is_written_once_and_shown_in_every_form(
    run: Any, after_its_end: PastWeek, tmp_path: Path
) -> None:
    page = tmp_path / "week.html"

    code, shown, told = run("postmortem", "--html", str(page))
    _, out, _ = run("postmortem", "--json")
    _, again, _ = run("postmortem", "--json", "--week", after_its_end.week_id)
    _, markdown, _ = run("postmortem", "--markdown")

    shape = json.loads(out)
    assert code == 0
    assert (shape["week_id"], shape["state"]) == (after_its_end.week_id, "written")
    assert out == again
    assert f"Postmortem of week {after_its_end.week_id}" in shown
    assert shape["claims"][0]["text"][:40] in shown
    assert f"Written to {page}." in told.replace("\n", "")
    assert page.read_text().lower().startswith("<!doctype html>")
    assert markdown.startswith("# Postmortem, week of ")
    assert "\x1b" not in shown + markdown
