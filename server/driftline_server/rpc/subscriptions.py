"""Subscribers: streams of what happens to alerts, each from a place in one numbered series of steps."""

import fnmatch
import threading
from collections.abc import Iterator

import grpc

from driftline_core.alerts import Phase, endpoint_pattern
from driftline_core.errors import ResourceExhausted
from driftline_proto.v1 import alert_pb2 as pb
from driftline_server.alerting.alerting import Alerting
from driftline_server.alerting.book import Step
from driftline_server.rpc import convert_alerts as convert
from driftline_server.rpc.errors import Ended
from driftline_server.rpc.resuming import place_of, token_of

_WAIT_S = 1.0
_RETRY_AFTER_S = 5.0
_TOLD = frozenset((Phase.FIRING, Phase.ACKNOWLEDGED, Phase.RESOLVED))


class Subscriptions:
    """Serves Subscribe, up to a number of streams. A subscriber that does not read holds its thread, and nothing else grows."""

    def __init__(self, alerting: Alerting, *, subscribers_max: int) -> None:
        self._alerting = alerting
        self._subscribers_max = subscribers_max
        self._room = threading.BoundedSemaphore(subscribers_max)
        self._draining = threading.Event()

    def drain(self) -> None:
        """Ends every stream within a second."""
        self._draining.set()

    def subscribe(self, request: pb.SubscribeRequest, context: grpc.ServicerContext) -> Iterator[pb.SubscribeResponse]:
        pattern = endpoint_pattern(request.endpoint) if request.endpoint else "*"
        if not self._room.acquire(blocking=False):
            raise ResourceExhausted(
                f"the server takes {self._subscribers_max} subscribers (subscribers_max)", retry_after_s=_RETRY_AFTER_S
            )
        try:
            lineage, last = self._alerting.place()
            place = place_of(request.resume_token, lineage, last=last, mark_of=self._alerting.mark_of)
            yield from self._steps(lineage, place, pattern, context)
        finally:
            self._room.release()

    def _steps(self, lineage: str, place: int, pattern: str, context: grpc.ServicerContext) -> Iterator[pb.SubscribeResponse]:
        yield pb.SubscribeResponse(resume_token=token_of(lineage, place, self._alerting.mark_of(place)))
        while context.is_active():
            if self._draining.is_set():
                raise Ended(grpc.StatusCode.UNAVAILABLE, "the server shuts down; subscribe again when it is back")
            steps = self._alerting.steps_after(place, timeout_s=_WAIT_S)
            for step in steps:
                if _is_told(step, pattern):
                    token = token_of(lineage, step.sequence, step.mark)
                    yield pb.SubscribeResponse(alert=convert.alert(step.alert), step=convert.step(step), resume_token=token)
            if steps:
                place = steps[-1].sequence
                if not _is_told(steps[-1], pattern):
                    yield pb.SubscribeResponse(resume_token=token_of(lineage, place, steps[-1].mark))


def _is_told(step: Step, pattern: str) -> bool:
    return step.after in _TOLD and fnmatch.fnmatchcase(step.alert.endpoint, pattern)
