"""What models and the web wrote of a week: text on its page, whatever it wanted to be."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from config.settings import Settings
from council.events import (
    CheckpointAbstained,
    CheckpointTaken,
    DecisionReached,
    NoDecision,
    NoTicket,
    PitchAbstained,
    PitchMade,
    ResearchFailed,
    ResearchReceived,
    ReviewAbstained,
    ReviewMade,
)
from council.fact import Fact
from council.model.checkpoint import Action, Checkpoint
from council.model.decision import Decision
from council.model.pitch import Pitch
from council.model.research import CalendarEvent, ConfidenceNotes, ResearchPack, Source
from council.model.review import Review
from mcp_server.web.links import link_to
from tests.builders import NOW, WEEK_ID, make_decision, make_pack, make_pitch, make_review
from tests.mcp_server.weeks_scene import Outline, proposed, stages, started, store, visited

HIDDEN = "\u202e\u200b\U000e0041"
ATTACK = (
    f"</section></details></main><script>stolen()</script>{HIDDEN}<img src=x onerror='stolen()'>"
    "<style>*{display:none}</style>{{ 7 * 7 }} '\"--><svg onload=x>"
)
OTHER_TAGS = {"img", "style", "iframe", "object", "embed", "base"}
BAD_LINKS = (
    "javascript:alert(1)",
    "JaVaScRiPt://news.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "ftp://news.example/x",
    "//news.example/x",
    "/approvals/x/approve",
    "news.example/x",
    "https:news.example/x",
    "https://user:pass@news.example/",
    "https://news.example@evil.example/",
    "https://good.example\\@evil.example/",
    "https://news.example /x",
    "https://news.example/\nx",
    "https://n\u0435ws.example/",
    "https://localhost/x",
    "http://council.localhost/x",
    "https://router.home.arpa/",
    "https://127.0.0.1:8931/halt",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://[::1]/",
    "https://intranet/",
    "https://news.example:port/",
    "https://news.example:99999/",
    "https://-news.example/",
    "https:///x",
    "https://" + "a" * 3_000 + ".example/",
    "https://news.example/" + "a" * 3_000,
    "https://news.example/\\x",
    "",
)
GOOD_LINKS = {
    "https://www.federalreserve.gov/monetarypolicy.htm?a=1&b=%20#c": "www.federalreserve.gov",
    "http://News.Example/x": "news.example",
    "HTTPS://news.example:8443/x": "news.example:8443",
    "https://xn--bcher-kva.example/": "xn--bcher-kva.example",
}


@pytest.mark.parametrize("address", BAD_LINKS)
def test_an_address_that_could_lead_astray_is_no_link(address: str) -> None:
    assert link_to(address) is None


@pytest.mark.parametrize(("address", "host"), GOOD_LINKS.items())
def test_a_link_names_the_host_that_it_leads_to(address: str, host: str) -> None:
    link = link_to(address)

    assert link is not None
    assert (link.address, link.host) == (address, host)


@given(st.text(), st.sampled_from(["", "https://", "http://news.example", "https://a.b/"]))
def test_whatever_stands_there_a_link_begins_with_the_host_that_is_shown(
    text: str, start: str
) -> None:
    link = link_to(start + text)

    if link is not None:
        scheme, _, rest = link.address.partition("://")
        assert scheme.lower() in ("http", "https")
        assert rest.lower().startswith(link.host)
        assert rest[len(link.host) :][:1] in ("", "/", "?", "#")
        assert link.address.isascii()
        assert not set(link.address) & set(" \\\t\r\n")


class Attack:
    """Puts itself into every text of a value, each time under another number."""

    def __init__(self) -> None:
        self.numbers: list[str] = []

    def text(self) -> str:
        """Return the attack, numbered."""
        self.numbers.append(f"number {len(self.numbers)}.")
        return f"{ATTACK} {self.numbers[-1]}"

    def on(self, value: Any, *spared: str) -> Any:
        """Return a value or a model's fields, attacked but for the fields called `spared`."""
        if isinstance(value, BaseModel):
            value = value.model_dump()
        if isinstance(value, dict):
            return {n: own if n in spared else self.on(own, *spared) for n, own in value.items()}
        if isinstance(value, list | tuple):
            return tuple(self.on(own, *spared) for own in value)
        return self.text() if type(value) is str else value


def hostile_week(attack: Attack) -> list[Fact]:
    """Return a week with the attack in every text that others than we wrote."""
    gap = {"week_id": WEEK_ID, "account": "CHARLIE"}
    look = {**gap, "checkpoint_id": proposed("BRAVO").trade_id, "slot": "12:00"}
    return [
        started(query=attack.text(), degraded=(attack.text(),)),
        _pack(attack),
        ResearchFailed(week_id=WEEK_ID, pack="B", reason=attack.text()),
        _pitch(attack),
        PitchAbstained(**gap, model=attack.text(), reason=attack.text()),
        _review(attack),
        ReviewAbstained(**gap, model="vendor/model", reason=attack.text()),
        _decision(attack),
        NoTicket(**gap, reason=attack.text()),
        *stages("propose"),
        proposed(),
        _look(attack),
        CheckpointAbstained(**look, model=attack.text(), reason=attack.text()),
    ]


def _pack(attack: Attack) -> ResearchReceived:
    pack = make_pack(
        event_calendar_next_7d=(CalendarEvent(day="x", event="x", why_it_matters="x"),),
        sources=(Source(title="x", url="https://news.example/", published="x"),),
        confidence_notes=ConfidenceNotes(known_unknowns=("x",), data_quality_flags=("x",)),
        instrument_ranking=make_pack().instrument_ranking[:2],
    )
    ours = ("week_id", "pack", "macro_regime", "instrument", "url")
    return ResearchReceived(
        week_id=WEEK_ID,
        pack=ResearchPack.model_validate(attack.on(pack, *ours)),
        failed_providers=(attack.text(),),
    )


def _pitch(attack: Attack) -> PitchMade:
    ours = ("week_id", "account", "instrument", "horizon", "indicators", "ranking")
    pitch = Pitch.model_validate(attack.on(make_pitch(choice_explanation="x"), *ours))
    return PitchMade(week_id=WEEK_ID, account="ALPHA", pitch=pitch, outcome="valid")


def _review(attack: Attack) -> ReviewMade:
    ours = ("week_id", "reviewer", "reviewer_model", "anonymized_pitch_id")
    review = Review.model_validate(attack.on(make_review(), *ours))
    return ReviewMade(week_id=WEEK_ID, account="BRAVO", review=review)


def _decision(attack: Attack) -> DecisionReached:
    ours = ("week_id", "account", "selected_trade", "authors", "best_reviewed_label", "label")
    decision = Decision.model_validate(attack.on(make_decision(), *ours))
    return DecisionReached(week_id=WEEK_ID, account="BOARD", decision=decision, outcome="valid")


def _look(attack: Attack) -> CheckpointTaken:
    look = Checkpoint(
        checkpoint_id=proposed().trade_id,
        week_id=WEEK_ID,
        slot="12:00",
        taken_at=NOW,
        account="ALPHA",
        trade_id=proposed().trade_id,
        action=Action.EXIT,
        conviction_before=Decimal(1),
        conviction_after=Decimal(0),
        reason_delta=attack.text(),
        indicators=(),
        profit_usd="1",
        event=attack.text(),
        decided_by="model",
        model="vendor/model",
    )
    return CheckpointTaken(week_id=WEEK_ID, account="ALPHA", checkpoint=look)


async def test_every_text_of_a_week_is_on_its_page_as_text(
    settings: Settings, tmp_path: Path
) -> None:
    attack = Attack()
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, *hostile_week(attack))
        page = (await its.get(f"/weeks/{WEEK_ID}")).text

    shown = Outline(page)
    text = shown.text()
    assert [number for number in attack.numbers if number not in text] == []
    assert text.count("<script>stolen()</script>") >= len(attack.numbers)
    assert not set(shown.tags) & OTHER_TAGS
    assert not [name for name in shown.attributes if name.startswith("on") or name == "style"]
    assert "stolen" not in "".join(shown.scripts)
    assert not set(HIDDEN) & set(page)
    assert "49 '" not in text


async def test_the_reason_for_no_decision_is_text_in_the_list_too(
    settings: Settings, tmp_path: Path
) -> None:
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, started(), NoDecision(week_id=WEEK_ID, account="BOARD", reason=ATTACK))
        page = (await its.get("/weeks")).text

    assert "<script>stolen()" in Outline(page).text()
    assert "<script>stolen()" not in page
    assert not set(HIDDEN) & set(page)


async def test_a_page_leads_only_where_it_says_and_tells_nobody_who_came(
    settings: Settings, tmp_path: Path
) -> None:
    good, bad = next(iter(GOOD_LINKS)), [address for address in BAD_LINKS if address]
    sources = tuple(Source(title="A title", url=address) for address in (good, *bad))
    pack = ResearchReceived(week_id=WEEK_ID, pack=make_pack(sources=sources))
    async with visited(settings, tmp_path) as (app, its, _):
        await store(app, started(), pack)
        shown = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)

    outside = [link for link in shown.links if (link["href"] or "")[:1] not in ("/", "#")]
    assert [link["href"] for link in outside] == [good]
    assert outside[0]["rel"] == "noopener noreferrer nofollow"
    assert f"A title {GOOD_LINKS[good]}" in shown.text("pack-A")
    assert shown.text("pack-A").count("no link: its address is not one to follow") == len(bad)


async def test_a_title_that_looks_like_an_address_stands_beside_the_true_host(
    settings: Settings, tmp_path: Path
) -> None:
    source = Source(title="https://www.federalreserve.gov", url="https://evil.example/x")
    async with visited(settings, tmp_path) as (app, its, _):
        pack = make_pack(sources=(source,))
        await store(app, started(), ResearchReceived(week_id=WEEK_ID, pack=pack))
        shown = Outline((await its.get(f"/weeks/{WEEK_ID}")).text)

    assert "https://www.federalreserve.gov evil.example" in shown.text("pack-A")
