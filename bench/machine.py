"""What else the machine does: figures taken beside other work say less."""

import os
from dataclasses import dataclass, field
from pathlib import Path

STAT = Path("/proc/stat")


@dataclass(slots=True)
class Others:
    """Watches from its making on; needs /proc, and says nothing where there is none."""

    _busy_s: float = field(init=False)
    _all_s: float = field(init=False)
    _ours_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._busy_s, self._all_s, self._ours_s = _machine(), _machine(idle=True), _ours()

    def share(self) -> float:
        """The share of the processors' time that went to other processes than this one and its children."""
        passed = _machine(idle=True) - self._all_s
        theirs = (_machine() - self._busy_s) - (_ours() - self._ours_s)
        return max(0.0, theirs / passed) if passed else 0.0

    def __str__(self) -> str:
        return f"(other work on the machine meanwhile: {self.share():.0%} of its processors)" if STAT.exists() else ""


def _machine(*, idle: bool = False) -> float:
    """Seconds that all processors together were busy, or there at all, since the machine began."""
    if not STAT.exists():
        return 0.0
    user, nice, system, idling, waiting, interrupts, softly, stolen = map(int, STAT.read_text().split(maxsplit=9)[1:9])
    busy = user + nice + system + interrupts + softly + stolen
    return (busy + (idling + waiting if idle else 0)) / os.sysconf("SC_CLK_TCK")


def _ours() -> float:
    """Seconds that this process and its children, those that ended included, were on a processor."""
    own = os.times()
    seconds = own.user + own.system + own.children_user + own.children_system
    ticks = sum(sum(map(int, each[11:15])) for each in _children())
    return seconds + ticks / os.sysconf("SC_CLK_TCK")


def _children() -> list[list[str]]:
    """Fields of /proc/PID/stat, from the state on, of every living descendant of this process."""
    every: dict[int, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            every[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
    found, parents = [], {os.getpid()}
    while parents:
        generation = {pid for pid, fields in every.items() if int(fields[1]) in parents}
        found += [every[pid] for pid in generation]
        parents = generation
    return found
