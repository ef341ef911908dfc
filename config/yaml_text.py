"""Strict reading of YAML text: the simple types of YAML 1.2, and no key twice in one mapping.

PyYAML follows YAML 1.1, where `14:00` is the number 840 and `NO` is false. Here both are text.
"""

import re
from typing import Any

import yaml

from config.errors import ConfigError


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader without YAML 1.1's surprises; starts without any implicit type."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML reads it from the class

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; a key that stands there twice is an error, not a silent override."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be plain text", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key.value}" stands here twice', key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


_NUMBER_STARTS = list("-+0123456789.")
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$", re.IGNORECASE), list("tTfF")
)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]
)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), _NUMBER_STARTS
)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    _NUMBER_STARTS,
)


def parse_yaml(text: str, name: str) -> dict[str, Any]:
    """Return the mapping that `text` is; `name` is how the file is called in messages.

    Raises:
        ConfigError: not YAML, a key twice, or something other than a mapping at the top.
    """
    try:
        content = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader underneath
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(_sentence(error, name)) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{name} holds no settings: write `key: value` lines at its top level.")
    return content


def _sentence(error: Exception, name: str) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{name} is not readable as YAML: save it as plain UTF-8 text of `key: value` lines."
    mark = error.problem_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}"
    return f"{name} is not valid YAML at {where} ({error.problem}): correct that line."
