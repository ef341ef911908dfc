"""Whatever takes a child of the chaos hour long and is done once, before any child is forked."""

import openai  # noqa: F401 - with the next line, a second of each start
import talib  # noqa: F401 - as above

from tests.chaos import children
from tests.chaos.place import accounts
from tests.system.faults import zygote

accounts()

__all__ = ["children", "zygote"]
