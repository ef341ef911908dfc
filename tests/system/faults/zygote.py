"""Whatever takes a child long and can be done once, before any child is forked."""

import alpaca.data.historical.stock
import alpaca.trading.client  # noqa: F401 - with the line before, half a second of each start

from config.market_calendar import xnys
from tests.system.faults import children

# The calendar is kept by the function that makes it; a third of a second.
xnys()

__all__ = ["children"]
