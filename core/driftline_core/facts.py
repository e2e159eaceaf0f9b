"""What goes into an engine and what comes out of it: frozen facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline_core.binding import Bound
from driftline_core.delivery import Losses
from driftline_core.profile import Profile
from driftline_core.reference import Reference


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose batch it is: the sequence of a producer's epoch. Sequence 0 is none: the epoch has begun."""

    producer_id: bytes = b""
    epoch: int = 0
    sequence: int = 0


NOBODY = Origin()


@dataclass(frozen=True, slots=True)
class Frame:
    """An admitted batch on its way into an engine."""

    uid: str
    arrival_us: int
    reference: Reference
    bound: Bound
    origin: Origin = NOBODY


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A batch that was refused: it has used up its sequence and is not counted. With sequence 0: an epoch has begun."""

    uid: str
    arrival_us: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class LossTold:
    """What a producer said it could not deliver, in total."""

    uid: str
    arrival_us: int
    origin: Origin
    losses: Losses


@dataclass(frozen=True, slots=True)
class HourClosed:
    """An hour of an endpoint is complete, or again complete after late rows (then its revision has risen).

    `profiles` by reference version; they hold every frame up to position `through`.
    """

    uid: str
    start_us: int
    end_us: int
    revision: int
    closed_us: int
    through: int
    has_rows: bool
    profiles: Mapping[int, Profile] = field(default_factory=dict)
    references: Mapping[int, Reference] = field(default_factory=dict)
    counted: int | None = None  # rows of the endpoint, ever, by then; None where that is not told


Effect = HourClosed


@dataclass(frozen=True, slots=True)
class StoredHour:
    """An hour as it was stored: profiles by reference version, encoded."""

    start_us: int
    revision: int
    through: int
    profiles: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for: the last `window_us` up to the newest row, or [start, end), None for an open side."""

    window_us: int | None = None
    start_us: int | None = None
    end_us: int | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """What an engine holds of a span of whole panes; `held` are the hours that it holds whole, stored or not."""

    start_us: int
    end_us: int
    references: Mapping[int, Reference]
    reference: Reference  # in force
    profiles: dict[int, Profile]  # by reference version
    held: frozenset[int]


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted in a span of whole panes, under the newest reference in it."""

    start_us: int
    end_us: int
    reference: Reference
    profile: Profile
    rows_other_reference: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What an engine has counted for an endpoint since it was created."""

    rows: int
    batches: int
    rejected_batches: int
    future_rows: int
    expired_rows: int
    last_arrival_us: int | None
    watermark_us: int | None
    losses: Losses
