"""A column's bins as bars: shares of the reference beside those of now, few enough to be looked at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from driftline_core.query import Bin

BARS_MAX = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """A bin, or several put together, as shares of all rows."""

    label: str
    reference: float
    current: float


def bars(bins: Sequence[Bin]) -> list[Bar]:
    """The bins in order, without guards that nothing fell into. Of many numeric ones neighbours are put together; of many
    categories those with the largest shares stand, and the others as one.

    >>> bars([Bin("0", 1.0, 2.0, None, 1, 3), Bin("null", None, None, None, 1, 0), Bin("below", -math.inf, 1.0, None, 0, 0)])
    [Bar(label='1 to 2', reference=0.5, current=1.0), Bar(label='null', reference=0.5, current=0.0)]
    """
    reference, current = sum(each.reference for each in bins), sum(each.current for each in bins)
    shown = [each for each in bins if each.reference or each.current or _is_inner(each)]
    if len(shown) > BARS_MAX:
        shown = _neighbours(shown) if any(each.lower is not None for each in shown) else _largest(shown, reference, current)
    digits = _digits(shown)
    return [Bar(_label(each, digits), each.reference / max(1, reference), each.current / max(1, current)) for each in shown]


def _is_inner(given: Bin) -> bool:
    """Whether it is no guard: between finite edges, or a category."""
    if given.lower is None or given.upper is None:
        return given.category is not None
    return math.isfinite(given.lower) and math.isfinite(given.upper)


def _neighbours(bins: Sequence[Bin]) -> list[Bin]:
    inner = [each for each in bins if _is_inner(each)]
    width = -(-len(inner) // BARS_MAX)
    runs = [inner[at : at + width] for at in range(0, len(inner), width)]
    joined = [Bin(run[0].name, run[0].lower, run[-1].upper, None, *_counts(run)) for run in runs]
    below = [each for each in bins if each.lower == -math.inf]
    return [*below, *joined, *(each for each in bins if not _is_inner(each) and each not in below)]


def _largest(bins: Sequence[Bin], reference: int, current: int) -> list[Bin]:
    def share(given: Bin) -> float:
        return max(given.reference / max(1, reference), given.current / max(1, current))

    inner = [each for each in bins if _is_inner(each)]
    kept = sorted(inner, key=share, reverse=True)[:BARS_MAX]
    rest = [each for each in inner if each not in kept]
    others = Bin("", None, None, f"{len(rest)} other categories", *_counts(rest))
    return [*(each for each in inner if each in kept), others, *(each for each in bins if not _is_inner(each))]


def _counts(bins: Sequence[Bin]) -> tuple[int, int]:
    return sum(each.reference for each in bins), sum(each.current for each in bins)


def _digits(bins: Sequence[Bin]) -> int:
    """How many it takes to tell the edges apart."""
    edges = {edge for each in bins for edge in (each.lower, each.upper) if edge is not None}
    return next((digits for digits in range(4, 17) if len({f"{edge:.{digits}g}" for edge in edges}) == len(edges)), 17)


def _label(given: Bin, digits: int) -> str:
    if given.category is not None:
        return given.category
    if given.lower is None or given.upper is None:
        return {"other": "unseen in the reference"}.get(given.name, given.name)
    if given.lower == -math.inf:
        return f"below {given.upper:.{digits}g}"
    return f"above {given.lower:.{digits}g}" if given.upper == math.inf else f"{given.lower:.{digits}g} to {given.upper:.{digits}g}"
