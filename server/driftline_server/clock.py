"""The wall clock, as a seam: whoever needs the time is given one."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in epoch microseconds."""

    def now_us(self) -> int: ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000
