"""Loads the five YAML files into one frozen Config, or says in one sentence what is wrong.

The packaged files are the default; `COUNCIL_CONFIG` names another directory with the same five.
"""

import hashlib
import json
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.cross_checks import cross_check
from config.errors import ConfigError
from config.model_schema import ModelsFile
from config.schema import AccountsFile, AssetsFile, Config, RiskFile, ScheduleFile
from config.section import Section
from config.yaml_text import parse_yaml

_File = TypeVar("_File", bound=Section)


def load_config(directory: Path | None = None) -> Config:
    """Return the configuration in `directory`, by default the packaged one.

    Raises:
        ConfigError: a file is missing, unreadable or not YAML, a key is unknown, missing or has a
            bad value, or the files contradict each other; the message names file, key and mend.
    """
    root: Traversable = files("config") if directory is None else directory
    if not root.is_dir():
        raise ConfigError(f"There is no folder {root}: point COUNCIL_CONFIG at the YAML files.")
    accounts = _load(root, "accounts.yaml", AccountsFile)
    parts = {
        "accounts": accounts.accounts,
        "assets": _load(root, "assets.yaml", AssetsFile),
        "models": _load(root, "models.yaml", ModelsFile),
        "schedule": _load(root, "schedule.yaml", ScheduleFile),
        "risk": _load(root, "risk.yaml", RiskFile),
    }
    unhashed = Config.model_validate({**parts, "content_hash": ""})
    cross_check(unhashed)
    return unhashed.model_copy(update={"content_hash": _content_hash(unhashed)})


def _content_hash(config: Config) -> str:
    """Return the sha-256 of what the files say; comments and the order of keys do not matter.

    Caps, prices and the rules of checkpoints are left out: they settle whether a model is asked,
    never what, and whoever raises a cap wants the week that reached it to go on. So are durations,
    the yearly rates and the ends of trainings, which only a person reads, and when he is told what.
    When records are looked after, and how late work is still done, changes no answer either.
    """
    estimates = {"duration_years", "duration_as_of", "dividend_yield", "borrow_rate", "rates_as_of"}
    unhashed: dict[str, Any] = {
        "content_hash": True,
        "models": {"budget", "prices", "training_until"},
        "assets": {"instruments": {"__all__": estimates}},
        "risk": {"checkpoint", "alerts", "retention"},
        "schedule": {"upkeep", "windows"},
    }
    content = config.model_dump(mode="json", exclude=unhashed)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _load(root: Traversable, name: str, model: type[_File]) -> _File:
    content = parse_yaml(_read(root / name, name), name)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_first_problem(error, name, model)) from error


def _read(path: Traversable, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{name} is missing: put it back as {path}, or unset COUNCIL_CONFIG."
        ) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"{name} cannot be read ({reason}): make {path} readable.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is not UTF-8 text: save {path} as UTF-8.") from error


def _first_problem(error: ValidationError, name: str, model: type[Section]) -> str:
    problems = error.errors(include_url=False, include_context=False)
    # A misspelt key is unknown and missing at once: the unknown one says more.
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
    more = f" ({len(problems) - 1} more in this file)" if len(problems) > 1 else ""
    return _sentence(problems[0], name, model) + more + "."


def _sentence(problem: ErrorDetails, name: str, model: type[Section]) -> str:
    key = dotted(problem["loc"])
    if problem["type"] == "missing":
        return f"{name} lacks the key {key}: add it"
    if problem["type"] == "extra_forbidden":
        return f"{name} has the unknown key {key}: {_mend(problem['loc'], model)}"
    return f"{name} has a bad value at {key} ({_shown(problem['input'])}): {_reason(problem)}"


def dotted(location: Sequence[int | str]) -> str:
    """Return a place in a file as a person writes it: `accounts[2].role`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return "".join(steps).replace(".[key]", "").lstrip(".")


def _reason(problem: ErrorDetails) -> str:
    """Return what pydantic says in the words of somebody who writes YAML."""
    if problem["type"] in {"tuple_type", "list_type"}:
        return "write a list"
    if problem["type"] in {"model_type", "dict_type"}:
        return "write `key: value` pairs"
    text = problem["msg"].removeprefix("Value error, ").replace("tuple", "list")
    return text[:1].lower() + text[1:]


def _mend(location: Sequence[int | str], model: type[Section]) -> str:
    known = _field_names(model)
    close = get_close_matches(str(location[-1]), sorted(known), n=1)
    return f"write {close[0]} instead" if close else "remove it"


def _field_names(model: type[Section]) -> set[str]:
    schema = model.model_json_schema()
    sections: list[dict[str, Any]] = [schema, *schema.get("$defs", {}).values()]
    return {name for section in sections for name in section.get("properties", {})}


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 - one line's worth
