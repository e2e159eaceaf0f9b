"""All that an engine knows of one endpoint, and how that is written down and read again."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from driftline_core.delivery import NO_LOSSES, Losses
from driftline_core.facts import Origin
from driftline_core.hours import NEVER, Hour
from driftline_core.layout import LookupCache
from driftline_core.pack import pack, unpack
from driftline_core.panes import DAY_US, Pane, Ruler
from driftline_core.profile import Profile
from driftline_core.reference import Reference, decode_reference, encode_reference

PRODUCER_IDLE_US = 7 * DAY_US
OPEN_PANES_MAX = 8
Versions = dict[int, Profile | bytes]  # by reference version; bytes: encoded, since nothing was counted into it for a while


@dataclass(slots=True)
class Applied:
    """How far a producer's batches are counted."""

    epoch: int
    sequence: int
    last_us: int
    losses: Losses = NO_LOSSES


@dataclass(slots=True)
class EndpointState:
    """Panes by width and start, hours by start, producers by id (the idlest first), and counters.

    `position` is that of the last frame.
    """

    reference: Reference
    references: dict[int, Reference]
    panes: dict[int, dict[int, Versions]]
    swept_us: int  # hours that begin before have been closed by the clock
    hours: dict[int, Hour] = field(default_factory=dict)
    empty: dict[int, int] = field(default_factory=dict)  # hours without rows, closed when, that are not known to be stored
    producers: dict[bytes, Applied] = field(default_factory=dict)
    forgotten: Losses = NO_LOSSES
    position: int = NEVER
    evicted_us: int = NEVER  # hours that begin before may be stored and not in memory
    coarse_us: int = NEVER  # those of them that have rows begin before
    watermark_us: int | None = None
    last_arrival_us: int | None = None
    late_us: int = NEVER  # since the server's start, when rows last came for an hour that should have been closed, or was
    rows: int = 0
    batches: int = 0
    rejected_batches: int = 0
    future_rows: int = 0
    expired_rows: int = 0
    _open: dict[tuple[int, int], None] = field(default_factory=dict)  # panes with a profile to count into, the idlest first

    @classmethod
    def new(cls, reference: Reference, ruler: Ruler, swept_us: int) -> "EndpointState":
        """An endpoint of which nothing is counted."""
        widths = (*(width for _, width in ruler.steps), ruler.widest_us)
        return cls(reference, {reference.version: reference}, {width: {} for width in widths}, swept_us)

    def profile(self, pane: Pane, reference: Reference) -> Profile:
        """The profile of a pane under a reference, to be counted into."""
        key = pane.width_us, pane.start_us
        self._open.pop(key, None)
        self._open[key] = None
        while len(self._open) > OPEN_PANES_MAX:
            self._encode(*next(iter(self._open)))
        versions = self.panes[pane.width_us].setdefault(pane.start_us, {})
        found = versions.get(reference.version)
        if isinstance(found, Profile):
            return found
        versions[reference.version] = profile = Profile.decode(found).copy() if found else reference.layout.empty()
        return profile

    def coarsen(self, ruler: Ruler, watermark_us: int) -> None:
        """Merges panes that have come of age into wider ones, and encodes those that are not counted into now."""
        for key in [key for key in self._open if key[1] + key[0] <= watermark_us]:
            self._encode(*key)
        for _, width in ruler.steps:
            panes = self.panes[width]
            for start_us in [start for start in panes if ruler.width(start, watermark_us) > width]:
                self._merge(ruler.pane(start_us, watermark_us), panes.pop(start_us))
                self._open.pop((width, start_us), None)

    def merged(self, start_us: int, end_us: int) -> dict[int, Profile]:
        """The profiles of the panes that begin in [start, end), merged, by reference version."""
        merged: dict[int, Profile] = {}
        for width, start in self._between(start_us, end_us):
            for version, held in self.panes[width][start].items():
                profile = held if isinstance(held, Profile) else Profile.decode(held)
                if version in merged:
                    merged[version].merge(profile)
                else:
                    merged[version] = profile.copy()
        return merged

    def rows_between(self, start_us: int, end_us: int) -> int:
        """Rows of the panes that begin in [start, end)."""
        held = [held for width, start in self._between(start_us, end_us) for held in self.panes[width][start].values()]
        return sum((each if isinstance(each, Profile) else Profile.decode(each)).rows for each in held)

    def drop_hour(self, start_us: int, end_us: int) -> None:
        """Forgets an hour and its panes."""
        del self.hours[start_us]
        for width, start in list(self._between(start_us, end_us)):
            del self.panes[width][start]
            self._open.pop((width, start), None)

    def apply(self, origin: Origin, arrival_us: int, producers_max: int) -> None:
        """A producer's batch is counted, or has used up its sequence. Past the maximum the idlest producer is forgotten."""
        if not origin.producer_id:
            return
        before = self.producers.pop(origin.producer_id, None)
        losses = before.losses if before else NO_LOSSES
        self.producers[origin.producer_id] = Applied(origin.epoch, origin.sequence, arrival_us, losses)
        while len(self.producers) > producers_max:
            self.forgotten += self.producers.pop(next(iter(self.producers))).losses

    def forget_idle(self, now_us: int) -> None:
        """Forgets the producers that have been silent for a week; what they lost stays counted."""
        for producer_id in [each for each, known in self.producers.items() if now_us - known.last_us > PRODUCER_IDLE_US]:
            self.forgotten += self.producers.pop(producer_id).losses

    def losses(self) -> Losses:
        """What all producers together could not deliver."""
        return sum((producer.losses for producer in self.producers.values()), self.forgotten)

    def save(self) -> bytes:
        """The state as bytes, references included."""
        header = {name: getattr(self, name) for name in _COUNTERS} | {"version": self.reference.version}
        header["forgotten"] = asdict(self.forgotten)
        header["hours"] = {start: asdict(hour) for start, hour in self.hours.items()}
        header["empty"] = self.empty
        header["producers"] = {producer_id.hex(): asdict(known) for producer_id, known in self.producers.items()}
        header["references"] = len(self.references)
        header["panes"] = [
            (width, start, version)
            for width, panes in self.panes.items()
            for start, versions in panes.items()
            for version in versions
        ]
        profiles = [self.panes[width][start][version] for width, start, version in header["panes"]]
        encoded = [each.encode() if isinstance(each, Profile) else each for each in profiles]
        return pack(header, [*map(encode_reference, self.references.values()), *encoded])

    def whole(self, at_us: int, hour_us: int) -> tuple[int, int]:
        """The widest pane that is held of a moment, or its hour where that is stored: what cannot be cut finer."""
        for width in sorted(self.panes, reverse=True):
            if (start_us := at_us - at_us % width) in self.panes[width]:
                return start_us, start_us + width
        hour_start_us = at_us - at_us % hour_us
        if hour_start_us < self.coarse_us and hour_start_us not in self.hours:
            return hour_start_us, hour_start_us + hour_us
        return at_us, at_us

    def _encode(self, width_us: int, start_us: int) -> None:
        del self._open[width_us, start_us]
        versions = self.panes[width_us].get(start_us, {})
        for version, held in versions.items():
            if isinstance(held, Profile):
                versions[version] = held.encode()

    def _merge(self, pane: Pane, versions: Versions) -> None:
        wider = self.panes[pane.width_us].setdefault(pane.start_us, {})
        for version, held in versions.items():
            if version not in wider:
                wider[version] = held if isinstance(held, bytes) else held.encode()
                continue
            before = wider[version]
            total = before if isinstance(before, Profile) else Profile.decode(before).copy()
            total.merge(held if isinstance(held, Profile) else Profile.decode(held))
            wider[version] = total if total is before else total.encode()

    def _between(self, start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
        """Width and start of the panes that begin in [start, end)."""
        for width, panes in self.panes.items():
            possible = range(-(-start_us // width) * width, end_us, width)
            # Whichever are fewer: an hour has few panes, and an endpoint with a long past has many.
            starts = (start for start in possible if start in panes) if len(possible) < len(panes) else panes
            yield from ((width, start) for start in starts if start_us <= start < end_us)


_COUNTERS = (
    "position",
    "swept_us",
    "evicted_us",
    "coarse_us",
    "watermark_us",
    "last_arrival_us",
    "rows",
    "batches",
    "rejected_batches",
    "future_rows",
    "expired_rows",
)


def load_state(data: bytes | memoryview, ruler: Ruler, cache: LookupCache | None = None) -> EndpointState:
    """The state that `save` wrote; raises ValueError where the bytes are none, or panes are of widths that the ruler has not."""
    header, blobs = unpack(data)
    references = [decode_reference(blob, cache) for blob in blobs[: header["references"]]]
    by_version = {reference.version: reference for reference in references}
    state = EndpointState.new(by_version[header["version"]], ruler, 0)
    state.references = by_version
    for name in _COUNTERS:
        setattr(state, name, header.get(name, NEVER))  # an older version knew fewer
    state.forgotten = Losses(**header["forgotten"])
    state.hours = {int(start): Hour(**hour) for start, hour in header["hours"].items()}
    state.empty = {int(start): closed_us for start, closed_us in header["empty"].items()}
    for producer_id, known in header["producers"].items():
        state.producers[bytes.fromhex(producer_id)] = Applied(**known | {"losses": Losses(**known["losses"])})
    for (width, start, version), encoded in zip(header["panes"], blobs[len(references) :], strict=True):
        if width not in state.panes:
            raise ValueError(f"panes of {width} µs were kept, which these settings do not have; set the snapshot period back")
        state.panes[width].setdefault(start, {})[version] = encoded
    return state
