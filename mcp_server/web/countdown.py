"""How long a ticket may still be decided on, in words that hold without any script."""

from datetime import timedelta
from typing import Final

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)


def time_left(left: timedelta) -> str:
    """Return two units of time, such as "in 2 d 3 h" or "in 4 min"; "" where none is left."""
    if left <= timedelta(0):
        return ""
    days, hours, minutes = left // _DAY, left % _DAY // _HOUR, left % _HOUR // _MINUTE
    if days:
        return f"in {days} d {hours} h"
    if hours:
        return f"in {hours} h {minutes} min"
    return f"in {minutes} min" if minutes else "in less than a minute"
