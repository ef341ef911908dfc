"""What the status and the doctor say about alerts: whether they arrive, and where they go."""

from collections.abc import AsyncIterator, Iterator

from config.settings import Settings
from council.alert_facts import ALERT_FACTS
from council.alerts.deliveries import Deliveries, after, sentences
from council.alerts.ports import Outcome
from mcp_server.shapes import CheckShape
from mcp_server.standing import Standing
from mcp_server.wiring import App
from store.events import EventFilter, Page

_KINDS = tuple(fact.__name__ for fact in ALERT_FACTS)
_NEWEST = 500
"""So many steps of telling are looked at: what may be lost is named by the very next message."""
_MEND = "Mend the address in COUNCIL_ALERT_URLS, then `council doctor --notify`."


async def unsent_alerts(app: App) -> tuple[str, ...]:
    """Return a sentence for each alert that did not arrive, or perhaps not; mostly none.

    Where no address is set none is missed.
    """
    if not app.settings.alert_urls:
        return ()
    wanted = EventFilter(event_types=_KINDS)
    newest = await app.deps.store.read_page(wanted, Page(_NEWEST, descending=True))
    told = after(Deliveries(), reversed(newest))
    return tuple(sentences(told, app.deps.clock.now()))


def addresses(settings: Settings) -> Iterator[CheckShape]:
    """Check that the addresses can be used; nothing is sent."""
    urls = settings.alert_urls
    if not urls:
        message = "none are sent: COUNCIL_ALERT_URLS names no address"
        yield CheckShape(check="alerts", result="ok", message=message)
        return
    from mcp_server.alert_addresses import Unusable, read_addresses  # noqa: PLC0415 heavy: apprise

    for one in read_addresses(urls):
        if isinstance(one, Unusable):
            yield CheckShape(check="alerts", result="fail", message=one.sentence, mend=_MEND)
        else:
            yield CheckShape(check="alerts", result="ok", message=f"to {one.name}")


async def arrivals(app: App) -> AsyncIterator[CheckShape]:
    """Point at alerts that did not arrive, or perhaps not."""
    for sentence in await unsent_alerts(app):
        yield CheckShape(check="alerts", result="warn", message=sentence, mend=_MEND)


async def trials(settings: Settings, standing: Standing) -> AsyncIterator[CheckShape]:
    """Send a test to each address that can be used, and say of each whether it took it."""
    from mcp_server.alert_addresses import read_addresses, usable  # noqa: PLC0415 heavy: apprise
    from mcp_server.alerting import letterhead, try_out  # noqa: PLC0415 - as above

    found = usable(read_addresses(settings.alert_urls))
    if not found:
        message = "no test was sent: COUNCIL_ALERT_URLS names no address that can be used"
        mend = "Set COUNCIL_ALERT_URLS."
        yield CheckShape(check="test alert", result="fail", message=message, mend=mend)
        return
    head = letterhead(standing, settings.council_web_url)
    for address, attempt in zip(found, await try_out(found, head), strict=True):
        arrived = attempt.outcome is Outcome.SENT
        said = "took it" if arrived else f"did not take it: {attempt.reason}"
        if attempt.outcome is Outcome.UNKNOWN:
            said = f"may not have taken it: {attempt.reason}"
        yield CheckShape(
            check="test alert",
            result="ok" if arrived else "fail",
            message=f"{address.name} {said}",
            mend=_MEND,
        )
