"""Numbers of the market table as a person says them."""

from council.llm.rehearsal.reading import Instrument

_SENTENCES = {
    "return_1d": "{symbol} moved {value:+.1%} in the last session.",
    "return_5d": "{symbol} moved {value:+.1%} over 5 sessions.",
    "return_20d": "{symbol} moved {value:+.1%} over 20 sessions.",
    "return_60d": "{symbol} moved {value:+.1%} over 60 sessions.",
    "rsi_14": "{symbol} has an RSI of {value:.0f}; 50 is balanced.",
    "atr_14": "{symbol} ranges ${value:.2f} on an average day.",
    "realised_volatility_20d": "{symbol} has a volatility of {value:.0%} a year over 20 sessions.",
    "distance_from_average_50d": "{symbol} stands {value:+.1%} from its 50-day average.",
    "distance_from_average_200d": "{symbol} stands {value:+.1%} from its 200-day average.",
    "macd_histogram": "{symbol} has a MACD histogram of {value:+.2f} dollars.",
}


def fact_of(instrument: Instrument, name: str) -> str | None:
    """Return one sentence with the number called `name`, or None where it is unknown."""
    value = instrument.numbers.get(name)
    sentence = _SENTENCES.get(name)
    if value is None or sentence is None:
        return None
    return sentence.format(symbol=instrument.symbol, value=value)


def significant(value: float) -> float:
    """Return `value` with four significant digits, as a person would set a level."""
    return float(f"{value:.4g}")


def capped(text: str, characters: int = 280) -> str:
    """Return `text` within the cap of a short text."""
    return text if len(text) <= characters else text[: characters - 1] + "…"
