"""Seeds from meanings: a 64-bit number that any process computes alike."""

import hashlib

_TWO_TO_64 = 1 << 64


def key_of(*parts: object) -> int:
    """Return an unsigned 64-bit key for `parts`, well mixed and the same everywhere."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def fraction_of(*parts: object) -> float:
    """Return a number in [0, 1) drawn by `parts` alone."""
    return key_of(*parts) / _TWO_TO_64
