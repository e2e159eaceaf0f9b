"""The table of calls: which function answers which, and in which pool of threads.

Streams, uploads and short calls have a pool each, so that queries are answered whatever the streams do.
"""

from concurrent.futures import ThreadPoolExecutor

import grpc

from driftline_core.payload import Limits
from driftline_proto.v1 import endpoint_pb2, export_pb2, metrics_pb2
from driftline_server.alerting.alerting import Alerting
from driftline_server.archive import Exports
from driftline_server.clock import Clock
from driftline_server.config import Settings
from driftline_server.intake import Intake
from driftline_server.owner import Owner
from driftline_server.past import Answers
from driftline_server.registry import Registry
from driftline_server.rpc.alerts import AlertService, alert_handlers
from driftline_server.rpc.endpoints import EndpointService, UploadRoom
from driftline_server.rpc.export import ExportService
from driftline_server.rpc.history import HistoryService
from driftline_server.rpc.ingest import IngestService
from driftline_server.rpc.metrics import MetricsService
from driftline_server.rpc.subscriptions import Subscriptions
from driftline_server.rpc.wire import parse_push
from driftline_server.rpc.wiring import download, service, stream, unary, upload

# Streams past the cap are refused by threads of the same pool, so a few more than the cap are kept.
_REFUSING_THREADS = 16
# Tests of receivers under way at once: each waits for somebody else's server.
_TESTING_THREADS = 4


def ingest_service(intake: Intake, settings: Settings) -> IngestService:
    """IngestService with the limits of the settings."""
    return IngestService(
        intake, streams_max=settings.push_streams_max, handles_max=settings.handles_max, idle_s=settings.push_idle_seconds
    )


def subscriptions_of(alerting: Alerting, settings: Settings) -> Subscriptions:
    """Streams of alerts with the limits of the settings."""
    return Subscriptions(alerting, subscribers_max=settings.subscribers_max)


def alert_services(alerting: Alerting, subscriptions: Subscriptions, settings: Settings) -> grpc.GenericRpcHandler:
    """The handlers of AlertService."""
    return alert_handlers(
        AlertService(alerting),
        subscriptions,
        ThreadPoolExecutor(settings.subscribers_max + _REFUSING_THREADS, "subscriber"),
        ThreadPoolExecutor(_TESTING_THREADS, "receiver-test"),
    )


def services(
    ingest: IngestService,
    registry: Registry,
    answers: Answers,
    exports: Exports | None,
    *,
    owner: Owner,
    clock: Clock,
    limits: Limits,
    settings: Settings,
) -> tuple[grpc.GenericRpcHandler, ...]:
    """The handlers of every service of driftline.v1."""
    streams = ThreadPoolExecutor(settings.push_streams_max + _REFUSING_THREADS, "push")
    uploads = ThreadPoolExecutor(settings.uploads_max + _REFUSING_THREADS, "upload")
    room = UploadRoom(uploads_max=settings.uploads_max, bytes_max=settings.upload_bytes_max)
    endpoints = EndpointService(registry, owner, clock, limits, room, upload_s=settings.upload_seconds)
    metrics = MetricsService(registry, answers)
    history = HistoryService(registry, answers)
    downloads = ThreadPoolExecutor(settings.exports_max + _REFUSING_THREADS, "export")
    export = ExportService(registry, exports, exports_max=settings.exports_max, idle_s=settings.export_idle_seconds)
    return (
        service("IngestService", {"Push": stream(ingest.push, parse_push, streams)}),
        service(
            "EndpointService",
            {
                "CreateEndpoint": upload(endpoints.create, endpoint_pb2.CreateEndpointRequest, uploads),
                "SetReference": upload(endpoints.set_reference, endpoint_pb2.SetReferenceRequest, uploads),
                "GetEndpoint": unary(endpoints.get, endpoint_pb2.GetEndpointRequest),
                "ListEndpoints": unary(endpoints.list_, endpoint_pb2.ListEndpointsRequest),
                "DeleteEndpoint": unary(endpoints.delete, endpoint_pb2.DeleteEndpointRequest),
            },
        ),
        service(
            "MetricsService",
            {
                "GetDrift": unary(metrics.drift, metrics_pb2.GetDriftRequest),
                "GetHistogram": unary(metrics.histogram, metrics_pb2.GetHistogramRequest),
                "GetHistory": unary(history.history, metrics_pb2.GetHistoryRequest),
            },
        ),
        service("ExportService", {"ExportRows": download(export.rows, export_pb2.ExportRowsRequest, downloads)}),
    )
