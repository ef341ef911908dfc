"""The root of every error that this program raises on purpose, sorted by who must react.

CouncilError
├── UsageError           the caller: an argument is wrong                     exit 2
├── ConfigError          the operator: a YAML file or a setting is wrong      exit 2
├── CredentialsError     the operator: a key is missing, wrong or not paper   exit 3
├── UnreachableError     the operator: database, gateway or venue is away     exit 4 (retryable)
└── RefusedError         a person: a rule forbids it; nothing was changed     exit 5
"""

from typing import ClassVar


class CouncilError(Exception):
    """An expected failure whose message is one sentence: what was wrong and what to do."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1


class UsageError(CouncilError):
    """An argument that cannot be used: an unknown trade id, a week that is no Wednesday."""

    exit_code = 2


class ConfigError(CouncilError):
    """A YAML file or a setting that cannot be used; the message names file and key."""

    exit_code = 2


class CredentialsError(CouncilError):
    """A key that is missing, wrong, or not a paper key."""

    exit_code = 3


class UnreachableError(CouncilError):
    """A service that did not answer; trying again later may help."""

    retryable = True
    exit_code = 4


class RefusedError(CouncilError):
    """A rule forbids what was asked; nothing was changed."""

    exit_code = 5
