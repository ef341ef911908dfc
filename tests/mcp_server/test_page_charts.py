"""Charts on pages that load their styles from files alone."""

import re
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from council.analytics.charting.theme import style_sheet
from council.analytics.charts import (
    conviction_path,
    drawdown_chart,
    equity_chart,
    review_matrix,
    value_bars,
)
from council.analytics.resampling import NotEnoughWeeks
from mcp_server.web.charts import STYLE, chart

AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
NAME = '"><script>alert(1)</script><style>*{display:none}</style>'
DRAWN = {
    "equity": equity_chart({NAME: ((AT, 100_000.0),)}),
    "no equity": equity_chart({}),
    "drawdown": drawdown_chart({NAME: ((AT, 100_000.0),)}),
    "conviction": conviction_path({NAME: ((AT, 1.0, "STAY"),)}),
    "reviews": review_matrix((NAME,), (NAME,), {(NAME, NAME): 7.0}),
    "values": value_bars(((NAME, NotEnoughWeeks((), 8)),)),
}


def test_the_style_of_charts_on_pages_is_that_of_the_postmortem() -> None:
    kept = files("mcp_server.web").joinpath("static", STYLE).read_text("utf-8")

    assert kept.rstrip("\n") == style_sheet()


@pytest.mark.parametrize("kind", DRAWN)
def test_a_chart_brings_neither_style_nor_script_into_a_page(kind: str) -> None:
    shown = chart(DRAWN[kind])

    assert 'class="council-chart"' in shown
    assert not re.search(r"<style|<script|\sstyle=|\son\w+=", shown)
