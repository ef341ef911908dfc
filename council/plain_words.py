"""Takes a writer's habits out of a text: set phrases, spelling, marks, emoji, capitals.

Judges know their own kind by style, and names are the smaller part of it. What is said stays as it
was: no number, no symbol of an instrument and no ordinary word is touched.
"""

import re
import unicodedata
from collections.abc import Sequence

_OPENERS = (
    r"certainly|sure(?: thing)?|absolutely|of course|great question|good question|happy to help|"
    r"overall|notably|importantly|crucially|critically|ultimately|essentially|fundamentally|"
    r"interestingly|frankly|honestly|candidly|indeed|furthermore|moreover|additionally|"
    r"look|listen|well|okay|ok|alright|right|so|now|simply put|put simply|to be clear|to be fair|"
    r"in (?:summary|conclusion|short|essence|brief|sum|my (?:view|opinion))|to sum(?: up|marize)|"
    r"at the end of the day|all in all|that (?:said|being said)|from (?:my|our) perspective|"
    r"here is (?:the thing|my take|why|the deal|the kicker)|"
    r"let us (?:dive in|delve in|break (?:it|this) down)|"
    r"bottom line|key (?:point|takeaway|insight)|takeaway|tl;?dr|thesis|"
    r"(?:bull|bear|base) case|verdict|summary|conclusion|rationale|step \d+"
)
_INSIDE = (
    r"it (?:is|should be|must be) (?:noted|remembered|(?:worth|important to|crucial to) "
    r"(?:noting|note|mentioning|mention|remembering|remember|stressing|stress))(?: that)?|"
    r"(?:i|we) (?:(?:would|do|also|strongly|firmly) )?"
    r"(?:think|believe|argue|feel|note|reckon|submit|contend)"
    r"(?: that|(?! (?:against|about|of|so)\b))|"
    r"i hope (?:this|that) helps|let me know if you have any questions|"
    r"not financial advice|please note(?: that)?|as (?:noted|mentioned)(?: (?:above|before))?"
)
_OPENER = re.compile(
    rf"(?:^|(?<=[.?]\s))(?:{_OPENERS})(?:\s*[,:.-]+\s+|\s*\Z)(\w?)", re.IGNORECASE | re.MULTILINE
)
_PHRASE = re.compile(rf"\b(?:{_INSIDE})\b(\s*[,:.]?\s*)(\w?)", re.IGNORECASE)
_NUMBERED = re.compile(r"^\s*(?:\(?(?:\d{1,2}|[a-e])[.)]|\d{1,2}/)\s+(?=\D)", re.I | re.M)
_ENDINGS = r"(?:e|es|ed|ing|ation|ations|er|ers)"
_Z_STEMS = (
    r"(real|optim|normal|stabil|capital|minim|maxim|emphas|summar|recogn|organ|util|priorit|neutral|"
    r"general|special|crystall|material|monet|scrutin|categor|character|final|mobil)is"
)
_SPELLING = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (rf"\b{_Z_STEMS}(?={_ENDINGS}\b)", r"\1iz"),
        (r"\b(anal|paral)ys(?=(?:e|ed|ing)\b)", r"\1yz"),
        (r"\b(behavi|lab|fav|col|hon|neighb|rum|harb|vig|flav)our", r"\1or"),
        (r"\b(cent|met|fib)re(?=s?\b)", r"\1er"),
        (r"\b(program)me(?=s?\b)", r"\1"),
        (r"\b(travel|cancel|model|signal|label)l(?=(?:ed|ing)\b)", r"\1"),
        (r"\b(toward|forward|backward|upward|downward|afterward)s\b", r"\1"),
        (r"\b(defen|offen|licen)ce\b", r"\1se"),
        (r"\bwhilst\b", "while"),
        (r"\bamongst\b", "among"),
        (r"(?<=\d)\s?(?:per ?cent|pct)\b", "%"),
        (r"\b(?:versus|vs\.)(?=\s)", "vs"),
        (r"\bcan(?:'t|not)\b", "can not"),
    )
)
_CONTRACTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\b(is|are|was|were|do|does|did|has|have|had|would|could|should)n't\b", r"\1 not"),
        (r"\bwon't\b", "will not"),
        (r"\b(it|that|there|here|what)'s\b", r"\1 is"),
        (r"\blet's\b", "let us"),
        (r"\b(we|they|you)'re\b", r"\1 are"),
        (r"\b(i)'m\b", r"\1 am"),
        (r"\b(i|we|they|you)'d\b", r"\1 would"),
        (r"\b(i|we|they|you)'ve\b", r"\1 have"),
        (r"\b(i|we|they|you|it)'ll\b", r"\1 will"),
    )
)
_MARKS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[\u201c\u201d\u201e\u00ab\u00bb]", '"'),
        (r"[\u2018\u2019\u201a\u2032]", "'"),
        (r"[\u2248~](?=\s?\d)", "about "),
        (r"~(?=\w)", ""),
        (r"\u2265", ">="),
        (r"\u2264", "<="),
        (r"\s*(?:\u2192|=+>|-+>)\s*", ", "),
        (r"(?<=[^\W\d])\s+-+\s+(?=[^\W\d])", ", "),
        (r"(?<=\w)--+(?=\w)", ", "),
        (r";(?=\s)", ","),
        (r"\.{2,}|\u2026", "."),
        (r"!+\??|\?+!+", "."),
        (r"\?{2,}", "?"),
        (r"[^\S\n]+(?=[.,:?](?:\s|\Z))", ""),
        (r"[.,:](?=[.?])", ""),
        (r",\s*,", ","),
    )
)
_SHOUTED = re.compile(r"\b[A-Z]{6,}\b")
"""Symbols and the words LONG, SHORT and FLAT are shorter."""
_SIGNED = re.compile(
    r"\s*\(\s*\[name\]\s*\)|[-,]\s*\[name\](?=\s*(?:[.?]|$))|\bas \[name\],?\s*"
    r"|(?:^|(?<=[.?]\s))(?:- )?\[name\](?: (?:out|here|speaking))?(?:[.,:]\s*|[^\S\n]*$)",
    re.IGNORECASE | re.MULTILINE,
)
"""A signature whose name is gone already: that there was one is a habit, too."""
_UNFINISHED = re.compile(r"(?<=[^\W_])([)\]%\"'])?[^\S\n]*(?=\n|\Z)")
_SPACES = re.compile(r"\s+")


def in_plain_words(text: str) -> str:
    """Return `text` on one line, every sentence ended, without the habits of its writer.

    Names must have become `[name]` before.
    """
    text = _NUMBERED.sub("", _without_gaps(_without_pictures(text)))
    text = _all_sub((*_MARKS, *_SPELLING), text)
    if "'" in text:
        text = _all_sub(_CONTRACTIONS, text)
    text = _SHOUTED.sub(lambda match: match[0].lower(), text)
    text = _without_phrases(_SIGNED.sub("", text) if "[name]" in text.lower() else text)
    lines = (_all_sub(_MARKS, line).strip(" ,:-") for line in text.splitlines())
    ended = (_UNFINISHED.sub(r"\1.", line) for line in lines if line)
    return _SPACES.sub(" ", " ".join(ended)).strip()


def _all_sub(changes: Sequence[tuple[re.Pattern[str], str]], text: str) -> str:
    for pattern, replacement in changes:
        text = pattern.sub(replacement, text)
    return text


def _without_gaps(text: str) -> str:
    """Leave single spaces and no empty lines: long gaps would take the patterns long, too."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _without_pictures(text: str) -> str:
    """Take out emoji, arrows and ornaments; degree and currency signs are none of them."""
    found = {c for c in set(text) - {"\u00b0"} if unicodedata.category(c) in {"So", "Sk"}}
    return "".join(c for c in text if c not in found) if found else text


def _without_phrases(text: str) -> str:
    """Take out set phrases, several in a row too; a sentence begins with a capital again."""
    for _ in range(len(text)):
        shorter = _PHRASE.sub(_tail, text)
        shorter = _OPENER.sub(lambda match: match[1].upper(), shorter)
        if shorter == text:
            break
        text = shorter
    return text


def _tail(match: re.Match[str]) -> str:
    """Return what follows a phrase: capitalised where the phrase began the sentence."""
    before = match.string[: match.start()].rstrip()
    ends = "." in match[1]
    begins = ends or not before or before[-1] in ".?"
    return (". " if ends and before else "") + (match[2].upper() if begins else match[2])
