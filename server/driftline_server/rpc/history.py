"""GetHistory: a metric of the closed hours."""

from driftline_core.errors import InvalidInput
from driftline_core.names import normal
from driftline_core.panes import FAR_FUTURE_US, FAR_PAST_US
from driftline_proto.v1 import metrics_pb2 as pb
from driftline_server.past import Answers
from driftline_server.registry import Registry
from driftline_server.rpc import convert
from driftline_server.store import Revisions

_REVISIONS: dict[int, Revisions] = {
    pb.REVISIONS_UNSPECIFIED: "newest",
    pb.REVISIONS_NEWEST: "newest",
    pb.REVISIONS_ALL: "all",
}


class HistoryService:
    """GetHistory of MetricsService, as metrics.proto promises it."""

    def __init__(self, registry: Registry, answers: Answers) -> None:
        self._registry = registry
        self._answers = answers

    def history(self, request: pb.GetHistoryRequest) -> pb.GetHistoryResponse:
        registration = self._registry.entry(request.endpoint).current()
        if request.revisions not in _REVISIONS:
            raise InvalidInput(f"revisions {request.revisions} is unknown; take newest or all", field="revisions")
        since_us = request.since_us if request.HasField("since_us") else FAR_PAST_US
        until_us = request.until_us if request.HasField("until_us") else FAR_FUTURE_US
        if since_us >= until_us:
            raise InvalidInput("since is not before until", field="since_us")
        metric, column = request.metric or "drift", normal(request.column)
        points = self._answers.history(
            registration,
            metric,
            column or None,
            since_us=since_us,
            until_us=until_us,
            revisions=_REVISIONS[request.revisions],
        )
        return pb.GetHistoryResponse(
            endpoint=registration.name, metric=metric, column=column, points=map(convert.history_point, points)
        )
