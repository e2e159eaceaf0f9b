"""MetricsService: drift and bins of a window."""

from driftline_core.engine import Window
from driftline_core.query import drift_report, histogram
from driftline_proto.v1 import metrics_pb2 as pb
from driftline_server.past import Answers
from driftline_server.registration import Registration
from driftline_server.registry import Registry
from driftline_server.rpc import convert


class MetricsService:
    """The calls of MetricsService on counts, as metrics.proto promises them; the owner only merges."""

    def __init__(self, registry: Registry, answers: Answers) -> None:
        self._registry = registry
        self._answers = answers

    def drift(self, request: pb.GetDriftRequest) -> pb.GetDriftResponse:
        registration, window = self._window(request.endpoint, request.span)
        return convert.drift(registration.name, drift_report(window, registration.spec, request.convention))

    def histogram(self, request: pb.GetHistogramRequest) -> pb.GetHistogramResponse:
        registration, window = self._window(request.endpoint, request.span)
        column, bins = histogram(window, request.column)
        return pb.GetHistogramResponse(
            endpoint=registration.name,
            column=convert.column(column),
            start_us=window.start_us,
            end_us=window.end_us,
            bins=map(convert.bin_, bins),
        )

    def _window(self, name: str, span: pb.Span) -> tuple[Registration, Window]:
        registration = self._registry.entry(name).current()
        return registration, self._answers.window(registration, convert.span(span))
