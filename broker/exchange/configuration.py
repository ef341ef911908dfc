"""What an account's owner may set at the exchange, as GET and PATCH /v2/account/configurations."""

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class AccountConfiguration(BaseModel):
    """An account's settings; e-mail, options and overnight trading are remembered, no more.

    Attributes:
        suspend_trade: Whether new orders are refused.
        no_shorting: Whether short sales are refused.
        max_margin_multiplier: Buying power per dollar of free equity; "1" is a cash account.
        fractional_trading: Whether orders may be for parts of shares, or by notional.
        ptp_no_exception_entry: Whether partnerships without a tax notice may be bought.
    """

    # Alpaca ignores settings that it does not know, such as those it has dropped.
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    suspend_trade: bool = False
    no_shorting: bool = False
    max_margin_multiplier: Literal["1", "2", "4"] = "2"
    fractional_trading: bool = True
    trade_confirm_email: Literal["all", "none"] = "all"
    ptp_no_exception_entry: bool = False
    max_options_trading_level: Literal[0, 1, 2, 3] = 0
    disable_overnight_trading: bool = False

    @property
    def multiplier(self) -> Decimal:
        """Return the margin multiplier as a number."""
        return Decimal(self.max_margin_multiplier)

    @property
    def allows_shorting(self) -> bool:
        """Return whether the settings leave room for short sales: a cash account has none."""
        return not self.no_shorting and self.multiplier > 1

    def changed(self, wanted: dict[str, Any]) -> "AccountConfiguration":
        """Return the settings with those in `wanted` that are not null; raises ValidationError."""
        given = {name: value for name, value in wanted.items() if value is not None}
        return AccountConfiguration.model_validate(self.model_dump() | given)
