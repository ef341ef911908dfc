import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from config.errors import ConfigError
from config.loader import load_config

NAMES = ("accounts.yaml", "assets.yaml", "models.yaml", "schedule.yaml", "risk.yaml")

Edit = Callable[[str, str, str], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        shutil.copy(str(files("config") / name), tmp_path / name)
    return tmp_path


@pytest.fixture
def edit(folder: Path) -> Edit:
    def replace(name: str, old: str, new: str) -> Path:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
        return folder

    return replace


def sentence_of(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(folder)
    return str(caught.value)


def test_the_packaged_files_say_what_the_owner_asked_for() -> None:
    config = load_config()

    assert config.universe == (
        "SPY", "QQQ", "IWM", "TLT", "IEF", "HYG", "LQD", "UUP", "GLD", "USO",
    )  # fmt: skip
    assert [a.nickname for a in config.managers] == [
        "CHATGPT", "GEMINI", "GROQ", "CLAUDE", "DEEPSEEK",
    ]  # fmt: skip
    assert config.chairman.account_number == "PA3MQLPXBSO1"
    assert config.models.accounts["CHATGPT"].model == "openai/gpt-5.2"
    assert [at.isoformat("minutes") for at in config.schedule.checkpoints] == [
        "09:00", "12:00", "14:00", "15:50",
    ]  # fmt: skip
    table = {row.conviction: row.share for row in config.risk.conviction_table}
    shares = ["0", "0.25", "0.5", "0.75", "0", "0.75", "0.5", "0.25", "0.1"]
    assert [table[Decimal(step) / 2] for step in range(-4, 5)] == [Decimal(s) for s in shares]


def test_the_packaged_limits_are_the_ones_that_hold_where_none_are_written(folder: Path) -> None:
    path = folder / "risk.yaml"
    path.write_text(re.sub(r"\nlimits:\n(  .*\n)+", "\n", path.read_text()))

    limits = load_config(folder).risk.limits

    assert "limits:" not in path.read_text()
    assert limits == load_config().risk.limits
    assert limits.gross_exposure == 1
    assert limits.order_notional_usd == 150_000
    assert (limits.shares_a_day, limits.daily_loss) == (50_000, Decimal("0.05"))
    assert (limits.quote_age_seconds, limits.clock_skew_seconds) == (120, 2)
    assert limits.short_minimum_equity_usd == 2_000


def test_a_limit_of_old_files_holds_without_the_others(edit: Edit) -> None:
    folder = edit("risk.yaml", "  gross_exposure: 1.0\n", "")

    assert load_config(folder).risk.limits.gross_exposure == 1


def test_every_model_has_a_successor_to_fall_back_to() -> None:
    models = load_config().models

    assert all(model.fallbacks for model in (*models.accounts.values(), *models.research))


def test_comments_and_the_order_of_keys_do_not_change_the_hash(folder: Path) -> None:
    lines = (folder / "schedule.yaml").read_text().splitlines()
    keys = [line for line in lines if not line.startswith("#")]
    (folder / "schedule.yaml").write_text("\n".join(reversed(keys)))

    assert load_config(folder).content_hash == load_config().content_hash


def test_the_order_of_the_models_does_not_change_the_hash(folder: Path) -> None:
    path = folder / "models.yaml"
    text = path.read_text()
    (block,) = re.findall(r"  CLAUDE:\n(?:    .*\n)+", text)
    path.write_text(text.replace(block, "").replace("accounts:\n", f"accounts:\n{block}"))

    config = load_config(folder)

    assert next(iter(config.models.accounts)) == "CLAUDE"
    assert config.content_hash == load_config().content_hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("duration_years: 16.0", "duration_years: 15.5"),
        ("dividend_yield: 0.044", "dividend_yield: 0.041"),
        ("borrow_rate: 0.0300", "borrow_rate: 0.0100"),
        ("rates_as_of: 2025-12-31", "rates_as_of: 2026-06-30"),
    ],
)
def test_a_newer_estimate_leaves_the_hash_as_it_is(edit: Edit, old: str, new: str) -> None:
    folder = edit("assets.yaml", old, new)

    assert load_config(folder).content_hash == load_config().content_hash


def test_a_changed_value_changes_the_hash(edit: Edit) -> None:
    folder = edit("risk.yaml", "price_band: 0.02", "price_band: 0.03")

    assert load_config(folder).content_hash != load_config().content_hash
    assert re.fullmatch("[0-9a-f]{64}", load_config().content_hash)


def test_an_unquoted_afternoon_is_a_time_of_day_and_no_number(edit: Edit) -> None:
    folder = edit("schedule.yaml", '"14:00"', "14:00")

    assert load_config(folder).content_hash == load_config().content_hash


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named_with_its_place(folder: Path, name: str) -> None:
    (folder / name).unlink()

    assert sentence_of(folder).startswith(f"{name} is missing: put it back as {folder / name}")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert f"There is no folder {tmp_path / 'away'}" in sentence_of(tmp_path / "away")


def test_a_folder_in_the_place_of_a_file_cannot_be_read(folder: Path) -> None:
    (folder / "risk.yaml").unlink()
    (folder / "risk.yaml").mkdir()

    assert sentence_of(folder).startswith("risk.yaml cannot be read (Is a directory)")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: [1", "risk.yaml is not valid YAML at line 1, column 6"),
        (b"a: 1\na: 2\n", 'line 2, column 1 (the key "a" stands here twice): correct that line.'),
        (b"- 1\n", "risk.yaml holds no settings"),
        (b"", "risk.yaml holds no settings"),
        (b"\xff\xfe\x00a", "risk.yaml is not UTF-8 text"),
        (b"a: \x00", "risk.yaml is not readable as YAML"),
        (b"a: " + b"[" * 5000, "risk.yaml is not"),
        (b"a: !!python/object/apply:os.system [x]", "risk.yaml is not valid YAML at line 1"),
    ],
)
def test_what_is_not_a_mapping_in_yaml_is_said(folder: Path, content: bytes, expected: str) -> None:
    (folder / "risk.yaml").write_bytes(content)

    assert expected in sentence_of(folder)


CONTRADICTIONS = [
    ("accounts.yaml", "nickname: GROQ", "nickname: CLAUDE", "the nickname CLAUDE twice"),
    ("accounts.yaml", "PA3M2HMSLN00", "PA3IUYCYRWGK", "PA3IUYCYRWGK to CHATGPT and GEMINI"),
    ("accounts.yaml", "role: chairman", "role: portfolio_manager", "no account with role chairman"),
    ("accounts.yaml", "role: portfolio_manager", "role: chairman", "to CHATGPT and COUNCIL"),
    ("accounts.yaml", ", role: chairman", "", "lacks the key accounts[5].role: add it."),
    ("accounts.yaml", "role: chairman", "role: king", 'bad value at accounts[5].role ("king")'),
    ("models.yaml", "  COUNCIL:", "  NOBODY:", "accounts.yaml knows no NOBODY"),
    ("models.yaml", "pack: B", "pack: A", "the research pack A twice"),
    ("models.yaml", "quorum_reviews: 3", "quorum_reviews: 6", "limits.quorum_reviews 6"),
    ("models.yaml", "attempts: 3", "atempts: 3", "limits.atempts: write attempts instead (1 more"),
    ("models.yaml", "attempts: 3", "attempts: 3\n  xyz: 3", "key limits.xyz: remove it."),
    ("assets.yaml", "symbol: QQQ", "symbol: SPY", "the symbol SPY twice"),
    ("assets.yaml", "proxy: VIXY", "proxy: SPY", "SPY both as volatility_proxy and as an"),
    ("assets.yaml", "    duration_years: 16.0\n", "", "TLT only one of duration_years and"),
    ("assets.yaml", "duration_years: 16.0", "duration_years: 0", "[3].duration_years (0)"),
    ("assets.yaml", "    borrow_rate: 0.0025\n", "", "SPY only some of dividend_yield"),
    ("assets.yaml", "dividend_yield: 0.011", "dividend_yield: 1.1", "[0].dividend_yield (1.1)"),
    ("assets.yaml", "borrow_rate: 0.0025", "borrow_rate: -1", "[0].borrow_rate (-1)"),
    ("assets.yaml", "alternate_for: GLD", "alternate_for: GOLD", "alternate_for GOLD"),
    ("risk.yaml", "conviction: -1.5", "conviction: -2.0", "the conviction -2.0 twice"),
    ("risk.yaml", "  - {conviction: 1.5, share: 0.25}\n", "", "lacks conviction 1.5"),
    ("risk.yaml", "price_band: 0.02", "price_band: .nan", "bad value at approval.price_band"),
    ("risk.yaml", "exposure: 1.0", "exposure: 2.5", "bad value at limits.gross_exposure (2.5)"),
    ("risk.yaml", "notional_usd: 150000", "notional_usd: 0", "at limits.order_notional_usd (0)"),
    ("risk.yaml", "a_day: 50000", "a_day: 0.5", "bad value at limits.shares_a_day (0.5)"),
    ("risk.yaml", "age_seconds: 120", "age_seconds: .inf", "bad value at limits.quote_age_sec"),
    ("risk.yaml", "daily_loss: 0.05", "daily_loss: 5", "bad value at limits.daily_loss (5)"),
    ("risk.yaml", "equity_usd: 2000", "equity_usd: -1", "at limits.short_minimum_equity_usd (-1)"),
    ("risk.yaml", "skew_seconds: 2", "skew_seconds: .nan", "bad value at limits.clock_skew_sec"),
    ("risk.yaml", "daily_loss", "daily_los", "limits.daily_los: write daily_loss instead"),
    ("schedule.yaml", '"12:00"', '"09:00"', "the checkpoint 09:00 twice"),
    ("schedule.yaml", '"15:30"', '"16:30"', "has last_entry 16:30"),
    ("schedule.yaml", '"17:30"', '"02:30"', "has upkeep 02:30, an hour"),
    ("schedule.yaml", "weekly_hours: 120", "weekly_hours: 0", "at windows.weekly_hours (0)"),
    ("schedule.yaml", '"15:30"', "1530", '(1530): write a time of day as "HH:MM"'),
    ("assets.yaml", "instruments:\n", "instruments:\n  - [SPY]\n", "write `key: value` pairs"),
    ("risk.yaml", "sizing_policy", "? [a, b]\n: 1\nsizing_policy", "a key must be plain text"),
]


@pytest.mark.parametrize("contradiction", CONTRADICTIONS, ids=lambda row: row[3])
def test_a_contradiction_is_one_sentence_that_names_file_and_key(
    edit: Edit, contradiction: tuple[str, str, str, str]
) -> None:
    name, old, new, expected = contradiction
    folder = edit(name, old, new)

    sentence = sentence_of(folder)

    assert expected in sentence
    assert sentence.split()[0] in NAMES
    assert "\n" not in sentence
    assert "pydantic" not in sentence
    assert sentence.endswith(".")


def test_one_word_in_place_of_the_accounts_is_no_list(folder: Path) -> None:
    (folder / "accounts.yaml").write_text("accounts: CHATGPT\n")

    assert sentence_of(folder).endswith('bad value at accounts ("CHATGPT"): write a list.')


def test_an_account_without_a_model_is_named(folder: Path) -> None:
    path = folder / "models.yaml"
    path.write_text(re.sub(r"  CLAUDE:\n(    .*\n)+", "", path.read_text()))

    assert "models.yaml has no model for the account CLAUDE" in sentence_of(folder)


def test_a_council_without_portfolio_managers_is_refused(folder: Path) -> None:
    number = "account_number: PA30000000"
    (folder / "accounts.yaml").write_text(
        f"accounts:\n- {{nickname: A, {number}A, role: chairman}}\n"
        f"- {{nickname: B, {number}B, role: chairman}}\n"
    )

    assert "gives role chairman to A and B" in sentence_of(folder)


def test_another_cap_or_price_leaves_the_hash_so_that_a_stopped_week_can_go_on(edit: Edit) -> None:
    folder = edit("models.yaml", "week_usd: 10", "week_usd: 20")

    config = load_config(folder)

    assert config.models.budget.week_usd == 20
    assert config.content_hash == load_config().content_hash


def test_a_pack_names_no_service_that_is_not_described(folder: Path) -> None:
    path = folder / "models.yaml"
    models = yaml.safe_load(path.read_text())
    del models["research_services"]["gemini"]
    path.write_text(yaml.safe_dump(models))

    sentence = sentence_of(folder)

    assert sentence.startswith("models.yaml has the pack B researched by gemini, but no ")
