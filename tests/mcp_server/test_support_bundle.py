"""A bundle for somebody else: it has what helps, and nothing that must stay here."""

import json
import re
import stat
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.errors import RefusedError
from config.loader import load_config
from config.settings import Settings, load_settings
from mcp_server.passphrase import Cost, set_passphrase
from mcp_server.sealing import state_keys
from mcp_server.shapes import CheckShape, DoctorShape
from mcp_server.support_bundle import (
    MANIFEST,
    BundleShape,
    Censor,
    Gathered,
    gather,
    settings_shown,
    write_bundle,
)
from mcp_server.web.token_file import TokenFile
from mcp_server.wiring import opened_store

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
CANARIES = {
    "REQUESTY_API_KEY": "canary-requesty-Yy8P-Yy8P",
    "PERPLEXITY_API_KEY": "canary-perplexity-Yy8P-Yy8P",
    "GEMINI_API_KEY": "canary-gemini-Yy8P-Yy8P-Yy8P",
    "COUNCIL_STATE_KEY": "canary-state-Yy8P-Yy8P-Yy8P-Yy8P-Yy8P",
    "COUNCIL_ALERT_URLS": "json://canary-alert-Yy8P:canary-word-Yy8P@127.0.0.1:9/x",
    "ALPACA_CHATGPT_KEY_ID": "PKCANARYYY8PYY8PYY8P",
    "ALPACA_CHATGPT_SECRET_KEY": "canary-alpaca-Yy8P-Yy8P-Yy8P",
}


@pytest.fixture
def settings(database_dsn: str, tmp_path: Path) -> Settings:
    """Return settings in which everything secret is a canary."""
    set_passphrase(tmp_path, "canary passphrase Yy8P", cost=Cost(log2_n=4, r=1, p=1))
    TokenFile.in_home(tmp_path).create("ann", "read", now=NOW)
    state_keys(Settings(council_home=tmp_path))
    (tmp_path / "roles").mkdir()
    (tmp_path / "roles" / "lc_mcp").write_text("postgresql://lc_mcp:canary-role-Yy8P@127.0.0.1/c\n")
    variables = {"COUNCIL_HOME": str(tmp_path), "DATABASE_URL": database_dsn, **CANARIES}
    return load_settings(variables, directory=tmp_path)


async def bundled(settings: Settings, home: Path, said: str = "well") -> BundleShape:
    config = load_config(None)

    async def examine() -> DoctorShape:
        check = CheckShape(check="key CHATGPT", result="ok", message=said)
        return DoctorShape(healthy=True, checks=(check,))

    gathered = await gather(settings, config, examine=examine)
    return write_bundle(home / "b.tar.gz", gathered, Censor(settings, config, home), at=NOW)


def contents(path: str) -> dict[str, str]:
    with tarfile.open(path) as bundle:
        return {
            Path(member.name).name: file.read().decode()
            for member in bundle
            if (file := bundle.extractfile(member)) is not None
        }


def mode_of(file: str) -> int:
    return stat.S_IMODE(Path(file).stat().st_mode)


async def test_no_secret_and_no_account_number_is_in_a_bundle(
    settings: Settings, tmp_path: Path
) -> None:
    numbers = [account.account_number for account in load_config(None).accounts]
    kept = [
        json.loads((tmp_path / "passphrase.json").read_text())["hash"],
        json.loads((tmp_path / "tokens.json").read_text())["tokens"][0]["sha256"],
        (tmp_path / "state-key").read_text().strip(),
    ]
    secrets = [*CANARIES.values(), "canary-word-Yy8P", "canary-role-Yy8P", *numbers, *kept]
    said = f"{' and '.join(secrets)}; paper key PKCA... is set; account PA3IUYCYRWGK; {tmp_path}/x"

    shape = await bundled(settings, tmp_path, said)

    text = "".join(contents(shape.file).values())
    assert [secret for secret in secrets if secret in text] == []
    assert not {part for part in ("PKCA", "PA3IUY", str(tmp_path)) if part in text}
    assert "paper key *** is set" in text


async def test_it_says_what_is_in_it_and_only_its_owner_reads_it(
    settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"alpaca_key_ids": (), "alpaca_secret_keys": ()})

    shape = await bundled(settings, tmp_path)

    found = contents(shape.file)
    manifest = json.loads(found[MANIFEST])
    assert {part["name"] for part in manifest["parts"]} == found.keys() - {MANIFEST}
    assert {"doctor.json", "events.jsonl", "status.json", "database.json", "settings.json"} <= set(
        found
    )
    assert all(len(found[p.name].encode()) == p.bytes for p in shape.parts)
    assert mode_of(shape.file) == 0o600
    assert shape.missing == ()


async def test_events_come_without_what_was_written(week_dsn: str, tmp_path: Path) -> None:
    variables = {
        "COUNCIL_HOME": str(tmp_path),
        "DATABASE_URL": week_dsn,
        "COUNCIL_EXCHANGE_HOURS": "always",
    }
    settings = load_settings(variables, directory=tmp_path)
    async with opened_store(settings) as app:
        head = await app.deps.store.head()
        pitches = await app.deps.store.rows("pm_pitches")

    shape = await bundled(settings, tmp_path)

    found = contents(shape.file)
    events = [json.loads(line) for line in found["events.jsonl"].splitlines()]
    assert [event["position"] for event in events] == list(range(1, head + 1))
    assert "payload" not in events[0]
    said = [words for pitch in pitches for words in re.findall(r"[\w ,.%-]{40}", str(pitch))]
    assert len(said) >= 5
    assert not [words for words in said if words in "".join(found.values())]


async def test_what_cannot_be_had_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    variables = {
        "COUNCIL_HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://me:canary-word-Yy8P@127.0.0.1:9/council",
    }

    shape = await bundled(load_settings(variables, directory=tmp_path), tmp_path)

    found = contents(shape.file)
    assert "doctor.json" in found
    assert "events.jsonl" not in found
    assert len(shape.missing) == 2
    assert "canary-word-Yy8P" not in "".join(found.values())


async def test_a_doctor_that_breaks_is_named_by_its_error_and_not_by_its_words(
    settings: Settings, tmp_path: Path
) -> None:
    async def broken() -> DoctorShape:
        raise KeyError(CANARIES["GEMINI_API_KEY"])

    gathered = await gather(settings, load_config(None), examine=broken)

    assert gathered.missing[0] == "doctor.json: unexpected KeyError."
    assert "events.jsonl" in gathered.parts


def test_paths_stay_readable_where_the_user_has_no_folder(settings: Settings) -> None:
    path = "/var/lib/council"

    texts = [Censor(settings, load_config(None), Path(own)).text(path) for own in ("/", "/var/lib")]

    assert texts == [path, "~/council"]


def test_a_secret_that_was_not_hidden_keeps_the_file_from_being_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    censor = Censor(settings, load_config(None), tmp_path)
    monkeypatch.setattr(censor, "text", lambda text: text)
    gathered = Gathered({"x.txt": (CANARIES["GEMINI_API_KEY"], "a leak")}, ())

    with pytest.raises(RefusedError, match=r"x\.txt would hold a secret"):
        write_bundle(tmp_path / "b.tar.gz", gathered, censor, at=NOW)

    assert not (tmp_path / "b.tar.gz").exists()


def test_a_file_that_is_there_stays_as_it_is(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    file.write_text("mine")

    with pytest.raises(RefusedError, match="exists already"):
        write_bundle(file, Gathered({}, ()), Censor(settings, load_config(None), tmp_path), at=NOW)

    assert file.read_text() == "mine"


def test_settings_tell_of_a_secret_only_that_it_is_set(settings: Settings) -> None:
    shown = settings_shown(settings)

    assert shown["requesty_api_key"] == shown["database_url"] == "set"
    assert shown["database_password"] is None
    assert shown["alpaca_key_ids"] == ["CHATGPT"]
    assert shown.keys() == type(settings).model_fields.keys()
