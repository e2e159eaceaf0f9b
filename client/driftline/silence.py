"""Silences, receivers and deliveries, as Python objects."""

from dataclasses import dataclass
from datetime import datetime

from driftline.spans import moment
from driftline_proto.v1 import alert_pb2 as pb


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is told of endpoints that match the glob until it ends; `rule` None: of any rule."""

    id: str
    endpoint: str
    rule: str | None
    reason: str
    created: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver of messages; `shown` is the part of its address that may be shown."""

    name: str
    shown: str
    is_default: bool
    is_callback: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to a receiver: `state` is "waiting", "pending", "sending", "delivered" or "dead"; `problem` is the last attempt's.

    A "waiting" one is gathered for its group's next message and has no `key` yet.
    """

    key: str
    receiver: str
    alerts: int
    created: datetime
    state: str
    attempts: int
    next_attempt: datetime | None
    settled: datetime | None
    problem: str


def silence_from(message: pb.Silence) -> Silence:
    """The silence of a wire message."""
    return Silence(
        message.id,
        message.endpoint,
        message.rule or None,
        message.reason,
        moment(message.created_us),
        moment(message.until_us),
    )


def receiver_from(message: pb.Receiver) -> Receiver:
    """The receiver of a wire message."""
    return Receiver(message.name, message.shown, message.is_default, message.is_callback)


def delivery_from(message: pb.Delivery) -> Delivery:
    """The delivery of a wire message."""
    return Delivery(
        message.key,
        message.receiver,
        message.alerts,
        moment(message.created_us),
        message.state,
        message.attempts,
        moment(message.next_attempt_us) if message.HasField("next_attempt_us") else None,
        moment(message.settled_us) if message.HasField("settled_us") else None,
        message.problem,
    )
