"""What every fact is: something that happened, which knows its stream and its meaning.

The meaning gives the event id, so that storing a fact twice is harmless.
"""

from operator import attrgetter
from typing import ClassVar

from council.model.base import Value


class Fact(Value):
    """Something that happened in one week."""

    STREAM: ClassVar[str] = "week-{week_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("week_id",)
    """Attributes that make the fact the same fact when it is stored again."""

    week_id: str

    @property
    def stream(self) -> str:
        """Return the stream that the fact belongs to."""
        return self.STREAM.format_map(vars(self))

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return the values of `MEANING`, from which the event id is computed."""
        return tuple(attrgetter(name)(self) for name in self.MEANING)

    @property
    def about_account(self) -> str | None:
        """Return the nickname of the account that the fact is about, if it is about one."""
        return getattr(self, "account", None)
