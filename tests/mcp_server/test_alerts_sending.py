"""Alerts by Apprise to real servers: what arrives, and what is said of what does not."""

import asyncio
import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from config.settings import load_settings
from council.alerts.message import Letterhead
from council.alerts.ports import Attempt, Outcome
from council.alerts.teller import Teller
from mcp_server.alert_addresses import Unusable, read_addresses, usable
from mcp_server.alerting import AppriseCarrier
from tests.council.alerts.scenes import HEAD, begun, pass_time, proposal, store
from tests.council.alerts.scenes import FakeCarrier as Fake
from tests.mcp_server.alert_servers import MailServer, Manner, Webhook, mail_server, webhook

TEXT = "Paper trading.\n\n- ALPHA <b>LONG</b> & *500* SPY\nhttp://127.0.0.1:8931/approvals"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def carrier(*urls: str, within: float = 10) -> AppriseCarrier:
    return AppriseCarrier(usable(read_addresses(urls)), within=timedelta(seconds=within))


async def sent(url: str, within: float = 10) -> Attempt:
    carries = carrier(url, within=within)
    return await carries.send(carries.addresses[0], "A title", TEXT)


async def test_a_webhook_gets_the_message_as_it_is(hook: Webhook) -> None:
    assert await sent(hook.url) == Attempt(Outcome.SENT)

    (got,) = hook.got
    assert (got["title"], got["message"]) == ("A title", TEXT)


async def test_a_mail_is_plain_text(mails: MailServer) -> None:
    assert await sent(mails.url) == Attempt(Outcome.SENT)

    (mail,) = mails.got
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert (mail["Subject"], mail.get_content_type()) == ("A title", "text/plain")
    assert payload.decode().strip().replace("\r\n", "\n") == TEXT


@pytest.mark.parametrize(
    ("manner", "outcome", "reason"),
    [
        ("refuses", Outcome.FAILED, "it refused the message (503)"),
        ("hangs up", Outcome.UNKNOWN, "the connection broke before it said that it took it"),
        ("stalls", Outcome.UNKNOWN, "the connection broke before it said that it took it"),
    ],
)
async def test_a_webhook_that_does_not_take_it(
    hook: Webhook, manner: Manner, outcome: Outcome, reason: str
) -> None:
    hook.manner = manner

    assert await sent(f"{hook.url}?rto=0.2&retry=3") == Attempt(outcome, reason)
    assert len(hook.got) == 1


@pytest.mark.parametrize(
    ("manner", "outcome"), [("refuses", Outcome.FAILED), ("stalls", Outcome.UNKNOWN)]
)
async def test_a_mail_server_that_does_not_take_it(
    mails: MailServer, manner: Manner, outcome: Outcome
) -> None:
    mails.manner = manner

    assert (await sent(mails.url.replace("cto=1", "cto=0.5"))).outcome is outcome
    assert len(mails.got) == 1


async def test_a_failure_of_an_optional_address_is_one(hook: Webhook) -> None:
    hook.manner = "refuses"

    assert (await sent(f"{hook.url}?optional=yes")).outcome is Outcome.FAILED


@pytest.mark.parametrize("server", ["hook", "mails"])
async def test_a_server_that_is_away_surely_did_not_get_it(
    server: str, request: pytest.FixtureRequest
) -> None:
    url: str = request.getfixturevalue(server).url
    port = urlsplit(url).port

    away = await sent(url.replace(f":{port}", ":1"))

    assert away == Attempt(Outcome.FAILED, "it could not be reached")


async def test_a_server_that_hangs_keeps_nobody_waiting(hook: Webhook) -> None:
    carries = carrier(hook.url, within=0.1)
    hook.manner, ticks = "stalls", 0

    sending = asyncio.create_task(carries.send(carries.addresses[0], "A title", TEXT))
    while not sending.done():
        await asyncio.sleep(0)
        ticks += 1

    assert sending.result() == Attempt(Outcome.UNKNOWN, "no answer in 0 s")
    assert not hook.over.is_set()
    assert ticks > 5


async def test_nothing_of_an_address_is_logged(hook: Webhook) -> None:
    heard = io.StringIO()
    listener = logging.StreamHandler(heard)
    logging.getLogger().addHandler(listener)
    try:
        for manner in ("takes", "refuses", "hangs up"):
            hook.manner = manner
            await sent(f"{hook.url}?rto=0.2")
    finally:
        logging.getLogger().removeHandler(listener)

    assert len(hook.got) == 3
    assert heard.getvalue() == ""


async def test_a_server_that_comes_back_gets_each_message_once(hook: Webhook) -> None:
    deps, _ = await begun(Fake())
    teller = Teller(deps, carrier(hook.url), HEAD)
    hook.manner = "refuses"
    await store(deps, proposal())
    for _ in range(2):
        pass_time(deps, timedelta(minutes=1))
        await teller.look()
    refused = len(hook.got)
    hook.manner = "takes"

    for _ in range(3):
        pass_time(deps, timedelta(minutes=1))
        await Teller(deps, carrier(hook.url), HEAD).look()

    assert refused >= 2
    assert len(hook.got) == refused + 1
    assert "t0ken" not in str([event.payload for event in await deps.store.read_stream("alerts")])


@pytest.mark.parametrize(
    ("setting", "count"),
    [
        ("", 0),
        ("json://a.example/x", 1),
        ("json://a.example/x, json://b.example/y", 2),
        ("json://a.example/x\njson://b.example/y\n", 2),
        ("mailto://a.example?to=a@x.example,b@x.example,json://b.example/y", 2),
        ("json://a.example/x json://a.example/x", 1),
    ],
)
def test_addresses_stand_apart_by_commas_and_lines(setting: str, count: int) -> None:
    settings = load_settings({"COUNCIL_ALERT_URLS": setting})

    assert len(settings.alert_urls) == count


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("json://user:passw0rd@hooks.example.com/t0ken-of-mine", "json://hooks.example.com"),
        ("mailtos://user:passw0rd@mail.example.com", "mailtos://mail.example.com"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram://"),
        ("ntfy://my-secret-topic", "ntfy://"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", "slack://"),
    ],
)
def test_the_name_of_an_address_opens_nothing(url: str, where: str) -> None:
    ((address), (again)) = (*read_addresses([url]), *read_addresses([url]))
    (other,) = read_addresses([url + "x"])

    assert not isinstance(address, Unusable)
    assert address.where == where
    assert address == again
    assert not isinstance(other, Unusable)
    assert address.name != other.name
    assert url not in repr(address)


def test_an_address_that_cannot_be_used_is_named_without_showing_it() -> None:
    read = read_addresses(["json://ok.example/x", "bogus-t0ken://host/x", "mailto://", "t0ken"])

    assert [isinstance(one, Unusable) for one in read] == [False, True, True, True]
    sentences = [one.sentence for one in read if isinstance(one, Unusable)]
    assert sentences[0].startswith("address 2 in COUNCIL_ALERT_URLS is none that Apprise can use")
    assert sentences[1].startswith("address 3 in COUNCIL_ALERT_URLS (mailto://…) is none")
    assert "t0ken" not in "".join(sentences)


def test_the_addresses_and_their_keys_are_masked_in_the_log() -> None:
    url = "json://user:passw0rd-1@hooks.example.com/t0ken%2Dof"
    secrets = load_settings({"COUNCIL_ALERT_URLS": url}).secret_values()

    assert {url, "passw0rd-1", "t0ken%2Dof", "t0ken-of"} <= set(secrets)
    assert "hooks.example.com" not in secrets
    assert url not in repr(load_settings({"COUNCIL_ALERT_URLS": url}))


def test_a_letterhead_takes_what_is_in_force() -> None:
    assert Letterhead("alpaca-paper", (), "http://x").tag == "Council, PAPER"
