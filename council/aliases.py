"""What accounts are called where a model must not know whose they are, and back again.

Nicknames name the models behind them, and the chairman would judge its own kind. So the managers
go by the labels of their pitches and the chairman's account is the council.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.ids import meaning_id
from config.schema import Config
from council.anonymise import sealed_labels, telling_names, without_names
from council.context import WeekContext
from council.untrusted import without_links

COUNCIL: Final = "council"
STRANGER: Final = "another account"
"""An account that is no longer in accounts.yaml."""

_LABEL = re.compile(r"\bP[1-9]\d?\b")


@dataclass(frozen=True, slots=True)
class Aliases:
    """Labels by nickname; `names` are the words that would tell an author."""

    labels: Mapping[str, str]
    names: tuple[str, ...]

    def of(self, account: str) -> str:
        """Return what `account` is called."""
        return self.labels.get(account, STRANGER)

    def masked(self, text: str) -> str:
        """Return `text`, on one line, with labels for nicknames and without names and links."""
        return without_names(self.relabelled(without_links(text)), names=self.names)

    def relabelled(self, text: str) -> str:
        """Return a sentence of ours with labels for nicknames, else as it is."""
        pattern = rf"(?<!\w)(?:{'|'.join(map(re.escape, self.labels))})(?!\w)"
        return re.sub(pattern, lambda match: self.labels[match[0]], text)

    def unmasked(self, text: str) -> str:
        """Return `text` with the nicknames of managers for their labels."""
        accounts = {label: account for account, label in self.labels.items()}
        return _LABEL.sub(lambda match: accounts.get(match[0], match[0]), text)


def aliases_of(context: WeekContext, config: Config) -> Aliases:
    """Return the week's aliases: whoever pitched keeps its label, the others get the next ones."""
    labels = {pitch.account: label for label, pitch in sealed_labels(context).items()}
    managers = [own.nickname for own in config.managers if own.nickname not in labels]
    silent = sorted(managers, key=lambda name: meaning_id("silent", context.week_id, name).bytes)
    labels |= {name: f"P{number}" for number, name in enumerate(silent, start=len(labels) + 1)}
    return Aliases({**labels, config.chairman.nickname: COUNCIL}, telling_names(config))
