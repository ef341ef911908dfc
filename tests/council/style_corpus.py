"""Five writers with strong habits who argue the same things: what anonymity must hide.

Each argument is one neutral sentence. A writer dresses it in the words of its vendor, set phrases,
marks, emoji and spelling; nothing else tells one writer from another.
"""

import random
from collections.abc import Callable

SUBJECTS = (
    "Breadth of {s} improves while yields hold",
    "{s} lags because real rates favor cash",
    "Flows into {s} stay strong after the auction",
    "{s} is stretched, the average range is small",
    "The behavior of {s} around payrolls is calm",
    "Demand for {s} is high and supply is low",
    "{s} does not price the risk of a strike",
    "Dealers hedge {s} and damp its moves",
    "The labor report can stabilize {s}",
    "{s} is cheap against its average of 50 sessions",
)
SYMBOLS = ("SPY", "QQQ", "IWM", "TLT", "IEF", "HYG", "LQD", "UUP", "GLD", "USO")

CAVEAT = ", risk remains"
BRITISH = {
    "favor": "favour",
    "behavior": "behaviour",
    "labor": "labour",
    "stabilize": "stabilise",
}

Writer = Callable[[str, random.Random], str]


def _first(text: str, chance: random.Random) -> str:
    openers = ("**Thesis:** ", "Certainly! ", "- **Key takeaway:** ", "Great question! ")
    ends = (" \u2014 ChatGPT.", ". As ChatGPT, I hope this helps!")
    text = text.replace(CAVEAT, " \u2014 it\u2019s worth noting that risk remains")
    return f"{chance.choice(openers)}{text}{chance.choice(ends)}"


def _second(text: str, chance: random.Random) -> str:
    for american, own in BRITISH.items():
        text = text.replace(american, own)
    text = text.replace(CAVEAT, "; it should be noted that risk remains")
    openers = ("I\u2019d note that ", "I think ", "To be fair, ", "Honestly, ")
    return f"{chance.choice(openers)}{text}. \u2013 Claude"


def _third(text: str, chance: random.Random) -> str:
    marks = ("\U0001f680\U0001f680 ", "\U0001f4c8 ", "\u26a0\ufe0f ", "\U0001f525 ")
    ends = ("!!!", "!! xAI", " \U0001f4aa!", "!? Grok 4 out.")
    text = text.replace(CAVEAT, " - risk remains \U0001f440").replace("average", "AVERAGE")
    return f"{chance.choice(marks)}{text}{chance.choice(ends)}"


def _fourth(text: str, chance: random.Random) -> str:
    heads = ("## Bull case: ", "1) ", "* In summary, ", "### Verdict: ")
    text = text.replace(CAVEAT, " \u2014 **risk remains**")
    return f"{chance.choice(heads)}`{text}` \u2192 Gemini 3 Pro\u2026"


def _fifth(text: str, chance: random.Random) -> str:
    openers = ("We believe that ", "Bottom line: ", "Overall, ", "Let's dive in: ")
    plain = text.replace(" does not ", " doesn't ")
    return f"{chance.choice(openers)}{plain} (DeepSeek-V3)..."


WRITERS: dict[str, Writer] = {
    "ALPHA": _first,
    "BRAVO": _second,
    "CHARLIE": _third,
    "DELTA": _fourth,
    "ECHO": _fifth,
}


def written_by(account: str, count: int, seed: int) -> list[str]:
    """Return `count` texts of three sentences in the hand of `account`."""
    chance = random.Random(f"{account}/{seed}")  # noqa: S311 - no secret
    return ["\n".join(_sentences(WRITERS[account], chance)) for _ in range(count)]


def _sentences(writer: Writer, chance: random.Random) -> list[str]:
    chosen = chance.sample(SUBJECTS, 3)
    said = [subject.format(s=chance.choice(SYMBOLS)) for subject in chosen]
    return [writer(text + chance.choice(("", CAVEAT)), chance) for text in said]
