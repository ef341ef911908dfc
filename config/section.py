"""What every part of the configuration is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Nickname = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,19}$")]


class Section(BaseModel):
    """The base of every part of the configuration: frozen, nothing unknown, no NaN."""

    # Built at first use: a command uses few of them and would wait for all.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)
