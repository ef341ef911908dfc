"""`council doctor`: looks at everything that a week needs, in the order in which it is opened.

Each line stands alone and names what mends it. What cannot be looked at because something before it
failed is left out rather than guessed.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

from config.clock import SystemClock
from config.errors import ConfigError, CouncilError
from config.loader import load_config
from config.schema import Config
from config.settings import Settings
from mcp_server import alert_readings, doctor_home, doctor_hosts, doctor_systemd, doctor_timers
from mcp_server import doctor_checks as checks
from mcp_server.doctor_store import of_store
from mcp_server.doctor_venues import of_venues
from mcp_server.measure_views import drift_line
from mcp_server.readings import read_drifts, read_silences
from mcp_server.setting_up.machine import this_machine
from mcp_server.shapes import CheckShape, DoctorShape
from mcp_server.standing import standing_of
from mcp_server.stop_views import file_sentences, freeze_sentences, halt_sentences
from mcp_server.stopping import read_stops
from mcp_server.wiring import App, Terms, assembled, opened_store, settled
from store import projector
from store.errors import GrantsDisagree
from store.migrate import schema_state
from store.role_reading import read_roles


async def examine(notify: bool = False) -> DoctorShape:
    """Run every check that can be run, and return the findings; `notify` sends test alerts too."""
    machine = this_machine()
    async with asyncio.TaskGroup() as group:
        # The server's start takes its time in another process, beside the other checks.
        starting = group.create_task(doctor_hosts.handshake(machine))
        timers = group.create_task(doctor_timers.timers(machine))
        exporter = group.create_task(doctor_home.exporter(os.environ))
        found = [check async for check in _findings(notify=notify)]
    found += [timers.result(), exporter.result()]
    found += [*doctor_hosts.hosts(machine), doctor_hosts.certificates(machine), starting.result()]
    return DoctorShape(healthy=all(c.result != "fail" for c in found), checks=tuple(found))


async def _findings(*, notify: bool) -> AsyncIterator[CheckShape]:
    for check in checks.program():
        yield check
    try:
        settings = settled()
        config = load_config(settings.council_config)
    except ConfigError as error:
        yield CheckShape(
            check="configuration", result="fail", message=str(error), mend="Mend what it names."
        )
        return
    for check in (*checks.configuration(settings, config), *checks.keys(settings, config)):
        yield check
    for check in _at_home(settings):
        yield check
    async for check in _alerts(settings, config, notify=notify):
        yield check
    async for check in _gateway(settings, config):
        yield check
    yield checks.calendar(SystemClock().now())
    for check in doctor_systemd.units(this_machine(), config.schedule):
        yield check
    async for check in _opened(settings, config):
        yield check


async def _opened(settings: Settings, config: Config) -> AsyncIterator[CheckShape]:
    """Open the database, then the venues; a part that does not open is one failing line."""
    try:
        async with opened_store(settings) as app:
            yield await _database(app)
            yield await _roles(app)
            async for check in of_store(app):
                yield check
            async for check in _stops(app):
                yield check
            async for check in _managers(app):
                yield check
            async for check in alert_readings.arrivals(app):
                yield check
    except GrantsDisagree as error:
        mend = "`council db roles`, or approval.mode of risk.yaml"
        yield CheckShape(check="database roles", result="fail", message=str(error), mend=mend)
        return
    except CouncilError as error:
        mend = "Start the database, or unset DATABASE_URL to use the embedded one."
        yield CheckShape(check="database", result="fail", message=str(error), mend=mend)
        return
    try:
        async with assembled(settings, Terms(models=False)) as app:
            async for check in of_venues(app):
                yield check
    except CouncilError as error:
        mend = "Set the address or the key that it names."
        yield CheckShape(check="venues", result="fail", message=str(error), mend=mend)


def _at_home(settings: Settings) -> Iterator[CheckShape]:
    """Check the machine: what needs neither the database nor a venue."""
    now = SystemClock().now()
    yield from doctor_home.private_files(settings.council_home)
    yield doctor_home.disk(settings.council_home / "postgres")
    yield from doctor_home.tokens(settings, now)
    yield doctor_home.zones(now)
    yield doctor_home.port(settings)


async def _alerts(settings: Settings, config: Config, *, notify: bool) -> AsyncIterator[CheckShape]:
    """Check where alerts go; with `notify` send a test to each address."""
    for check in alert_readings.addresses(settings):
        yield check
    if not notify:
        return
    try:
        standing = standing_of(settings, config)
    except CouncilError as error:
        mend = "Set the key that it names: every message says where orders go."
        yield CheckShape(check="test alert", result="fail", message=str(error), mend=mend)
        return
    async for check in alert_readings.trials(settings, standing):
        yield check


async def _gateway(settings: Settings, config: Config) -> AsyncIterator[CheckShape]:
    """Compare the configured models with those that the gateway serves; rehearsal needs none."""
    if settings.is_rehearsal:
        return
    from mcp_server.minds import gateway_preflight  # noqa: PLC0415 heavy: openai

    try:
        found = await gateway_preflight(settings, config)
    except ConfigError as error:
        mend = "Set REQUESTY_BASE_URL and REQUESTY_API_KEY."
        yield CheckShape(check="gateway", result="fail", message=str(error), mend=mend)
        return
    for check in checks.gateway(found):
        yield check


async def _database(app: App) -> CheckShape:
    state = await schema_state(app.dsn)
    report = await projector.verify(app.pool)
    if not report.is_intact:
        return CheckShape(
            check="database",
            result="fail",
            message=f"the log is damaged at position {report.first_bad_position}: {report.reason}",
            mend="Restore a backup; `council db verify` names the first damaged event.",
        )
    return CheckShape(
        check="database",
        result="ok",
        message=f"{app.database}, {len(state.applied)} migrations, {report.events} events, "
        f"head {(report.head or 'empty')[:12]}",
    )


async def _roles(app: App) -> CheckShape:
    """Say what the database itself lets this login do; strict approval rests on that."""
    reading, mode = await read_roles(app.pool), app.deps.config.risk.approval.mode
    is_strict = mode == "strict"
    if not reading.grants:
        return CheckShape(
            check="database roles",
            result="warn" if is_strict else "ok",
            message="none: every process may append anything",
            mend="`council db roles`, on a server of its own: set DATABASE_URL.",
        )
    if reading.role is None or app.database == "embedded":
        return CheckShape(
            check="database roles",
            result="warn" if is_strict else "ok",
            message=f"the grants are those of {mode}, but bind no process with the login "
            f"{reading.login}, the owner's",
            mend="Give each process its own address: `council db roles` says where they are.",
        )
    message = f"{reading.login} belongs to {reading.role}; the grants are those of {mode}"
    return CheckShape(check="database roles", result="ok", message=message)


async def _stops(app: App) -> AsyncIterator[CheckShape]:
    """Point at what stands still: the halt file, halted accounts, frozen instruments."""
    stops = await read_stops(app)
    for name, sentences, mend in (
        ("halt file", file_sentences(stops), "council resume"),
        ("halts", halt_sentences(stops), "council resume"),
        ("drifts", freeze_sentences(stops), "council accept-drift ACCOUNT INSTRUMENT"),
    ):
        for sentence in sentences:
            yield CheckShape(check=name, result="warn", message=sentence, mend=f"`{mend}`")
        if not sentences:
            yield CheckShape(check=name, result="ok", message="none")


async def _managers(app: App) -> AsyncIterator[CheckShape]:
    """Point at managers that have long been silent, or that pitch unlike their own past."""
    silences = await read_silences(app)
    mend = "models.yaml: give it another model or fallback."
    for sentence in silences:
        yield CheckShape(check="silence", result="warn", message=sentence, mend=mend)
    if not silences:
        message = "no manager was silent for two weeks"
        yield CheckShape(check="silence", result="ok", message=message)
    drifts = await read_drifts(app.deps.store)
    yield CheckShape(
        check="drift of models",
        result="warn" if any(drift.alarm for drift in drifts) else "ok",
        message=drift_line(drifts) if drifts else "no week has been measured",
        mend="Read its pitches before and since; models.yaml names its model.",
    )
