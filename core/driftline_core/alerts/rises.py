"""How much a counter has risen over the last while: of totals that only rise, by the server's steady time."""

from collections import deque
from dataclasses import dataclass, field

# Points of a window: a rise is forgotten this fraction of the window late at most, and never early.
POINTS_MAX = 1000


@dataclass(slots=True)
class Rises:
    """Totals of one counter over a window of time.

    >>> rises = Rises(window_us=10_000)
    >>> [rises.update(at * 1000, total) for at, total in ((0, 5), (4, 7), (9, 8), (14, 8), (15, 8), (30, 8))]
    [0, 2, 3, 1, 1, 0]
    """

    window_us: int
    _points: deque[tuple[int, int]] = field(default_factory=deque)

    def update(self, steady_us: int, total: int) -> int:
        """Takes in a total; returns by how much it rose in the last `window_us`. The first total is where it begins."""
        width_us = max(self.window_us // POINTS_MAX, 1)
        end_us = -(-steady_us // width_us) * width_us
        if not self._points:
            self._points.append((end_us - width_us, total))
        elif self._points[-1][0] == end_us:
            self._points.pop()
        self._points.append((end_us, total))
        while len(self._points) > 1 and self._points[1][0] <= steady_us - self.window_us:
            self._points.popleft()
        return total - self._points[0][1]
