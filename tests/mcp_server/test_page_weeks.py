"""The list of weeks, one week's page from its facts, and its postmortem."""

from pathlib import Path

import pytest

from config.settings import Settings
from council.events import (
    NoDecision,
    NoTicket,
    PitchAbstained,
    ResearchFailed,
    ResearchReceived,
    ReviewAbstained,
)
from council.trade_facts import TradeRejected
from tests.builders import WEEK_ID, make_pack
from tests.mcp_server.weeks_scene import (
    AT,
    LABELS,
    Outline,
    called,
    decided,
    pitched,
    proposed,
    reviews,
    stages,
    started,
    store,
    trade_of,
    visited,
    wednesdays,
    whole_week,
)

POLICY = "content-security-policy"
MOST_LETTERS = 600
"""Of a page with one sentence, all around it included."""


async def test_a_week_in_the_list_says_how_it_stands_and_what_it_cost(
    settings: Settings, tmp_path: Path
) -> None:
    rejected = TradeRejected(
        week_id=WEEK_ID,
        trade_id=proposed("BRAVO").trade_id,
        account="BRAVO",
        approver="owner",
        channel="cli",
        reason="No.",
    )
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *whole_week(), proposed("BRAVO"), proposed("CHARLIE"), rejected)
        shown = Outline((await its.get("/weeks")).text)

    assert "18 November 2026 in force rehearsal LONG SPY MEDIUM +1.0" in shown.text()
    assert "2 pending, 1 rejected 0.50 USD none yet" in shown.text()


async def test_a_cost_that_nobody_knows_is_not_nothing(settings: Settings, tmp_path: Path) -> None:
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *whole_week())
        before = (await its.get("/weeks")).text
        await store(app, called(3, cost_usd=None))
        after = [(await its.get(page)).text for page in ("/weeks", f"/weeks/{WEEK_ID}")]

    assert "0.50 USD or more" not in before
    assert all("0.50 USD or more (one call of unknown cost)" in page for page in after)


async def test_every_week_is_on_one_page_of_the_list_the_newest_first(
    settings: Settings, tmp_path: Path
) -> None:
    weeks = wednesdays(45)
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *map(started, weeks))
        path, forwards, seen = "/weeks", [], []
        while path:
            found = Outline((await its.get(path)).text)
            seen.append(_weeks_in(found))
            forwards.append(_leading(found, "after"))
            path = _leading(found, "before")
        back = _weeks_in(Outline((await its.get(forwards[2])).text))

    assert [len(page) for page in seen] == [20, 20, 5]
    assert [week for page in seen for week in page] == list(reversed(weeks))
    assert forwards[0] == ""
    assert back == seen[1]


def _weeks_in(page: Outline) -> list[str]:
    found = [str(link["href"]).removeprefix("/weeks/") for link in page.links]
    return [name for name in found if name[:4].isdigit()]


def _leading(page: Outline, where: str) -> str:
    found = [str(link["href"]) for link in page.links]
    return next((address for address in found if address.startswith(f"/weeks?{where}=")), "")


async def test_a_list_without_weeks_says_how_one_begins(settings: Settings, tmp_path: Path) -> None:
    async with visited(settings, tmp_path) as (_, its, _host):
        shown = (await its.get("/weeks")).text

    assert "No week has begun yet" in shown


async def test_a_week_shows_all_that_its_facts_say(settings: Settings, tmp_path: Path) -> None:
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *whole_week())
        shown = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)

    assert "none was asked" in shown.text("standing")
    assert "SPY class of SPY 100.25 +2.0% +3.0% 0.1 +10.0% +11.0%" in shown.text("research")
    for pack in "AB":
        said = shown.text(f"pack-{pack}")
        assert "By prompted:rehearsal/research" in said
        assert "Soft landing The minutes come out. The minutes on Thursday" in said
        assert "LONG SPY Breadth improves. Wrong if A close below" in said
        assert "Sources The Fed www.federalreserve.gov" in said
    assert "ALPHA LONG SPY MEDIUM +1.0 vendor/model-of-alpha · for one week" in shown.text(
        "pitch-1"
    )
    assert "SPY.rsi_14 > 70 55.5" in shown.text("pitch-1")
    assert "It goes with the vote: the reviewers put P1 (ALPHA) first." in shown.text("decision")
    assert "BRAVO Bonds would pay better." in shown.text("decision")
    assert {"href": f"/approvals/{trade_of()}"} in shown.links
    assert "None is written yet" in shown.text("postmortem")


async def test_a_decision_against_the_vote_says_so(settings: Settings, tmp_path: Path) -> None:
    overruling = decided(overrides_vote=True, best_reviewed_label="P2")
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, started(), overruling, *stages("chairman"))
        shown = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)

    assert "It overrides the vote: the reviewers put P2 (BRAVO) first." in shown.text("decision")


async def test_what_failed_is_told_and_an_abstention_is_no_opinion(
    settings: Settings, tmp_path: Path
) -> None:
    failed = (
        ResearchFailed(week_id=WEEK_ID, pack="B", reason="It took too long"),
        ResearchReceived(
            week_id=WEEK_ID, pack=make_pack(), failed_providers=("perplexity: refused",)
        ),
        PitchAbstained(week_id=WEEK_ID, account="DELTA", model="vendor/m", reason="No JSON came"),
        ReviewAbstained(week_id=WEEK_ID, account="ECHO", model="vendor/m", reason="Cut short"),
        NoDecision(week_id=WEEK_ID, account="BOARD", reason="Too few pitches"),
        NoTicket(week_id=WEEK_ID, account="ALPHA", reason="Its venue refused it"),
    )
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, started(), pitched("ALPHA"), *failed)
        shown = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)

    assert "Research pack B is missing: It took too long" in shown.text("research")
    assert "asked in vain before: perplexity: refused" in shown.text("pack-A")
    assert "1 made, 1 abstained." in shown.text("pitches")
    assert "DELTA abstained (vendor/m), which is no opinion: No JSON came" in shown.text("pitches")
    assert "ECHO abstained from reviewing, which is no opinion" in shown.text("reviews")
    assert "No council trade this week: Too few pitches" in shown.text("decision")
    assert "ALPHA: Its venue refused it" in shown.text("trades")


async def test_a_number_that_the_market_table_does_not_bear_out_is_flagged(
    settings: Settings, tmp_path: Path
) -> None:
    wrong = pitched("BRAVO", thesis_bullets=("SPY.close is 212.50 now.",))
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *whole_week()[:2], pitched("ALPHA"), wrong)
        shown = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)

    assert "A number in it is doubtful: SPY.close" in shown.text("pitch-2")


async def test_before_the_chairman_is_done_nobody_learns_who_reviewed_what(
    settings: Settings, tmp_path: Path
) -> None:
    opening = (started(), *map(pitched, LABELS))
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *opening, *reviews(), *stages("peer_review"))
        shown = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)
        await store(app, decided(), *stages("chairman"))
        after = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)

    blind = " ".join(shown.text(name) for name in ("reviews", *_review_sections(3)))
    told = " ".join(after.text(name) for name in ("reviews", *_review_sections(3)))
    assert "svg" not in shown.tags
    assert "svg" in after.tags
    for account in LABELS:
        assert account not in blind
        assert account in told
    assert all(f"Objection {number}" in blind for number in "123456")


async def test_before_the_chairman_is_done_the_order_of_reviews_tells_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    alike = reviews(score=5)
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, started(), *map(pitched, LABELS), *alike)
        shown = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)

    for name in _review_sections(3):
        numbers = [part[0] for part in shown.text(name).split("Objection ")[1:]]
        assert numbers == sorted(numbers)


def _review_sections(count: int) -> list[str]:
    return [f"review-{number}" for number in range(1, count + 1)]


@pytest.mark.parametrize(
    "path",
    [
        "/weeks/nonsense",
        "/weeks/2026-11-19",
        "/weeks/2026-1-7",
        "/weeks/2026-11-18%00",
        "/weeks/" + "9" * 5_000,
        "/weeks/nonsense/postmortem",
        "/weeks?before=nonsense",
        "/weeks?after=2026-11-19",
        f"/weeks/{WEEK_ID}",
        f"/weeks/{WEEK_ID}/postmortem",
    ],
)
async def test_what_is_no_week_is_not_found_in_one_sentence(
    settings: Settings, tmp_path: Path, path: str
) -> None:
    async with visited(settings, tmp_path) as (_, its, _host):
        answer = await its.get(path)

    assert answer.status_code == 404
    assert POLICY in answer.headers
    assert len(Outline(answer.text).text()) < MOST_LETTERS
    assert "All weeks" in answer.text


async def test_a_week_without_a_postmortem_says_so(settings: Settings, tmp_path: Path) -> None:
    address = f"/weeks/{WEEK_ID}/postmortem"
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *whole_week())
        early = await its.get(address)
    async with visited(settings, tmp_path, at=AT.replace(day=27)) as (_, its, _host):
        late = await its.get(address)

    assert (early.status_code, late.status_code) == (404, 404)
    assert "no postmortem is written before" in early.text
    assert f"council postmortem --week {WEEK_ID}" in late.text
    assert f'href="/weeks/{WEEK_ID}"' in late.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_the_pages_of_weeks_take_nothing(
    settings: Settings, tmp_path: Path, method: str
) -> None:
    paths = ("/weeks", f"/weeks/{WEEK_ID}", f"/weeks/{WEEK_ID}/postmortem")
    async with visited(settings, tmp_path) as (_, its, _host):
        answers = {(await its.request(method, path)).status_code for path in paths}

    assert answers == {405}


async def test_looking_at_weeks_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *whole_week())
        before = await app.deps.store.head()
        for path in ("/weeks", f"/weeks/{WEEK_ID}", f"/weeks/{WEEK_ID}/postmortem"):
            await its.get(path)
        after = await app.deps.store.head()

    assert before == after
