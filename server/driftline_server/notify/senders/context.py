"""What all senders are given: the time, where links lead, the console, and who calls gRPC addresses."""

import sys
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from driftline_server.clock import Clock, SystemClock
from driftline_server.notify.channels import Callback
from driftline_server.notify.exchange import Route
from driftline_server.notify.failures import Permanent
from driftline_server.notify.links import Links
from driftline_server.notify.notification import Delivery


class CallsBack(Protocol):
    """The calling side of AlertReceiverService; it stands in `rpc`, which knows the messages. Resolves the host with
    `addresses.resolve(..., allow_private=route.allow_private)` and connects to what that returns. Raises Retryable or Permanent."""

    def __call__(self, callback: Callback, route: Route, delivery: Delivery) -> None: ...


def _nobody(callback: Callback, route: Route, delivery: Delivery) -> None:
    raise Permanent("this server makes no gRPC callbacks; use a webhook")


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of a sender."""

    clock: Clock = field(default_factory=SystemClock)
    links: Links = field(default_factory=Links)
    console: TextIO = sys.stdout
    calls_back: CallsBack = _nobody
