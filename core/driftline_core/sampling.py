"""Which rows of a stream a share of it holds: decided by where a row stands, so that asking again gives the same rows."""

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

_GOLDEN, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def sampled(position: int, rows: int, share: float) -> npt.NDArray[np.bool_]:
    """Whether each of `rows` rows of the frame at a position is in the sample; a smaller share's rows are in a larger's too.

    Source: the finalizer of SplitMix64 (Steele, Lea & Flood 2014) over the position's own, plus the row.

    >>> sampled(7, 3, 1.0).tolist(), sampled(7, 3, 0.0).tolist()
    ([True, True, True], [False, False, False])
    """
    if share >= 1:
        return np.ones(rows, np.bool_)
    seed = _mixed(np.array([position], np.uint64))
    mixed = _mixed(np.add(seed, np.arange(rows, dtype=np.uint64), dtype=np.uint64))
    return mixed < np.uint64(int(share * 2**63) * 2)


def _mixed(at: Hashes) -> Hashes:
    mixed = at + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
