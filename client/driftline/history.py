"""How many rows were acknowledged up to each sequence, to know how many a server that forgot some has lost."""

from bisect import bisect_right
from dataclasses import dataclass, field

POINTS_MAX = 8192


@dataclass(slots=True)
class History:
    """Exact for the last few thousand batches; older points are thinned, which rounds a loss up.

    >>> history = History()
    >>> history.add(1, rows=10); history.add(3, rows=5)
    >>> history.rows_after(0), history.rows_after(1), history.rows_after(2), history.rows_after(3)
    (15, 5, 5, 0)
    """

    rows: int = 0
    _sequences: list[int] = field(default_factory=list)
    _totals: list[int] = field(default_factory=list)

    def add(self, sequence: int, *, rows: int) -> None:
        """Batches up to this one, with so many rows since the last, are acknowledged."""
        self.rows += rows
        self._sequences.append(sequence)
        self._totals.append(self.rows)
        if len(self._sequences) > POINTS_MAX:
            del self._sequences[1 : POINTS_MAX // 2 : 2]
            del self._totals[1 : POINTS_MAX // 2 : 2]

    def rows_after(self, sequence: int) -> int:
        """Rows of acknowledged batches beyond this one."""
        point = bisect_right(self._sequences, sequence)
        return self.rows - (self._totals[point - 1] if point else 0)
