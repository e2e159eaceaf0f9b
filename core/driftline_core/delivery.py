"""Which batches are new: each producer of an endpoint numbers its batches, and each number is taken once.

`sequence <= admitted` came before, `admitted + 1` is taken, anything beyond came ahead of its turn. A higher epoch of a producer
restarts its numbers and fences the lower ones off.
"""

from dataclasses import dataclass, field
from enum import Enum

from driftline_core.errors import FailedPrecondition, InvalidInput

PRODUCER_ID_BYTES = 16
# What is written down and answered as a signed number of 64 bits; rows are added up over all producers of an endpoint.
EPOCH_MAX = 2**63 - 1
LOST_ROWS_MAX = 2**48


class Verdict(Enum):
    """What a sequence number says of its batch."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    AHEAD = "ahead"
    FENCED = "fenced"


@dataclass(frozen=True, slots=True)
class Losses:
    """Rows a producer says it could not deliver, in total."""

    dropped: int = 0
    unconvertible: int = 0
    lost: int = 0

    def __add__(self, other: "Losses") -> "Losses":
        return Losses(self.dropped + other.dropped, self.unconvertible + other.unconvertible, self.lost + other.lost)

    def most(self, other: "Losses") -> "Losses":
        """The larger of each total: they only rise, however often and in whatever order they are told."""
        return Losses(max(self.dropped, other.dropped), max(self.unconvertible, other.unconvertible), max(self.lost, other.lost))

    def require_possible(self) -> None:
        """Raises InvalidInput for a total that no producer can mean."""
        for name in ("dropped", "unconvertible", "lost"):
            if not 0 <= getattr(self, name) <= LOST_ROWS_MAX:
                raise InvalidInput(
                    f"{getattr(self, name)} {name} rows are impossible: a producer reports its total, at most {LOST_ROWS_MAX}",
                    field=f"{name}_rows",
                )


NO_LOSSES = Losses()


@dataclass(frozen=True, slots=True)
class RefusedByTime:
    """Rows of a producer that were taken and are not counted, for their event time; `example_us` is the last such time known."""

    future: int = 0
    expired: int = 0
    example_us: int = 0

    def __bool__(self) -> bool:
        return bool(self.future or self.expired)

    def __add__(self, later: "RefusedByTime") -> "RefusedByTime":
        if not later:
            return self
        return RefusedByTime(self.future + later.future, self.expired + later.expired, later.example_us)


NONE_REFUSED = RefusedByTime()


@dataclass(slots=True)
class Producer:
    """What is known of one writer of an endpoint."""

    epoch: int
    admitted: int = 0
    position: int = 0  # in the journal, of the last batch admitted
    losses: Losses = NO_LOSSES
    refused_by_time: RefusedByTime = NONE_REFUSED  # since the server was started


@dataclass(slots=True)
class Producers:
    """The producers of one endpoint, the idlest first; past `producers_max` the idlest is forgotten."""

    producers_max: int
    known: dict[bytes, Producer] = field(default_factory=dict)
    duplicates: int = 0

    def open(self, producer_id: bytes, epoch: int) -> Producer:
        """The producer, its sequence restarted where the epoch is new.

        Raises InvalidInput for an id that is not 16 bytes or an epoch outside 1 to EPOCH_MAX, FailedPrecondition for one that was
        fenced off.
        """
        if len(producer_id) != PRODUCER_ID_BYTES:
            raise InvalidInput(
                f"producer_id has {len(producer_id)} bytes, not {PRODUCER_ID_BYTES} random ones", field="producer_id"
            )
        if not 1 <= epoch <= EPOCH_MAX:
            raise InvalidInput(f"epoch {epoch} is invalid: the first is 1, each later one is 1 more", field="epoch")
        producer = self.known.pop(producer_id, None) or Producer(epoch)
        self.known[producer_id] = producer
        if epoch < producer.epoch:
            raise FailedPrecondition(f"epoch {epoch} is over: epoch {producer.epoch} of this producer is open", field="epoch")
        if epoch > producer.epoch:
            producer.epoch, producer.admitted = epoch, 0
        while len(self.known) > self.producers_max:
            del self.known[next(iter(self.known))]
        return producer


def judge(producer: Producer, epoch: int, sequence: int) -> Verdict:
    """What to do with a batch of a producer.

    >>> judge(Producer(epoch=1, admitted=4), 1, 5), judge(Producer(epoch=2, admitted=4), 1, 5)
    (<Verdict.NEXT: 'next'>, <Verdict.FENCED: 'fenced'>)
    """
    if epoch != producer.epoch:
        return Verdict.FENCED
    if sequence <= producer.admitted:
        return Verdict.DUPLICATE
    return Verdict.NEXT if sequence == producer.admitted + 1 else Verdict.AHEAD
