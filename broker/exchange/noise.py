"""Random numbers by counter: the n-th draw of a key needs none of the draws before it.

Only integer arithmetic and exactly rounded float operations are used, so the numbers are the same
with every numpy, which promises no such thing for its own generators.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_16_BITS = np.uint64(0xFFFF)


def uniforms(key: int, count: int) -> FloatArray:
    """Return `count` draws from [0, 1)."""
    return (_words(key, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(key: int, count: int) -> FloatArray:
    """Return `count` draws with mean 0 and deviation 1, nearly normal and never beyond 3.5.

    Each is the sum of the four 16-bit quarters of one word; fat tails come from the regimes.
    """
    words = _words(key, count)
    quarters = [(words >> np.uint64(shift)) & _LOW_16_BITS for shift in (0, 16, 32, 48)]
    total = sum(quarter.astype(np.float64) for quarter in quarters)
    return np.asarray((total - 131070.0) / 65536.0 * 3.0**0.5, dtype=np.float64)


def _words(key: int, count: int) -> NDArray[np.uint64]:
    """Return the first `count` 64-bit words of the SplitMix64 sequence that starts at `key`."""
    steps = np.arange(1, count + 1, dtype=np.uint64)
    words = np.uint64(key) + steps * _GOLDEN
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return np.asarray(words ^ (words >> np.uint64(31)), dtype=np.uint64)
