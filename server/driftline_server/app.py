"""Wiring: one engine, its owner, the services on one port; recovered, started, and drained."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from driftline_core import kernels
from driftline_core.engine import Engine, EngineSettings
from driftline_core.panes import DAY_US, MINUTE_US, ruler_of
from driftline_core.payload import Limits
from driftline_server.alerting.wiring import alerting
from driftline_server.clock import Clock, SystemClock
from driftline_server.config import Settings
from driftline_server.credits import Credits
from driftline_server.data_folder import DataFolder
from driftline_server.durability import Durability
from driftline_server.filesystem import Filesystem, SystemFilesystem
from driftline_server.intake import Intake
from driftline_server.journal import State
from driftline_server.listening import bound
from driftline_server.notify.links import Links
from driftline_server.notify.senders import Context
from driftline_server.owner import Owner
from driftline_server.past import Answers
from driftline_server.registry import Registry
from driftline_server.rpc.callbacks import CallsBack
from driftline_server.rpc.services import alert_services, ingest_service, services, subscriptions_of
from driftline_server.web.place import place_of, reached
from driftline_server.web.questions import Questions
from driftline_server.web.wiring import page_front

log = structlog.get_logger(__name__)

SERVICES = (
    "",
    "driftline.v1.AlertService",
    "driftline.v1.EndpointService",
    "driftline.v1.ExportService",
    "driftline.v1.IngestService",
    "driftline.v1.MetricsService",
)
_HEADERS_BYTES_MAX = 8 * 1024  # of one call
Progress = Callable[[int, int], None]


class App:
    """A server, from start() to stop()."""

    def __init__(self, settings: Settings, clock: Clock | None = None, filesystem: Filesystem | None = None) -> None:
        """Takes the address and the data folder. Raises ConfigError where one of them, or a rule or receiver, cannot be had."""
        self._server = grpc.server(ThreadPoolExecutor(settings.unary_threads, "unary"), options=_options(settings))
        self._port = bound(self._server, settings.listen)
        settings = settings.model_copy(update={"public_address": settings.public_address or reached(settings.listen, self._port)})
        self._settings = settings
        self.page = place_of(settings, self._port)
        links = Links(page=self.page.url if self.page else "", server=settings.public_address, keeps_rows=settings.data != "none")
        clock = clock or SystemClock()
        limits = Limits(settings.payload_bytes_max, settings.batch_rows_max, settings.batch_cells_max, settings.columns_max)
        self._room = room = Credits(batches_max=settings.queue_batches_max, bytes_max=settings.queue_bytes_max)
        engine = Engine(engine_settings(settings))
        folder = self._taken(filesystem or SystemFilesystem())
        self._owner = Owner(
            engine, clock=clock, room=room, journal=folder.journal if folder else None, past=folder.past if folder else None
        )
        registry = Registry(self._owner, clock, endpoints_max=settings.endpoints_max, producers_max=settings.producers_max)
        self._durability = Durability(folder, settings, engine, registry, self._owner, clock=clock) if folder else None
        answers = Answers(self._owner, self._durability.reader if self._durability else None, clock)
        context = Context(clock=clock, links=links, calls_back=CallsBack(links))
        self._alerting = alerting(settings, registry, answers, context, owner=self._owner, durability=self._durability)
        exports = self._durability.exports if self._durability else None
        self._ingest = ingest_service(Intake(registry, self._owner.ahead, room, clock, limits, engine.settings), settings)
        self._server.add_generic_rpc_handlers(
            services(self._ingest, registry, answers, exports, owner=self._owner, clock=clock, limits=limits, settings=settings)
        )
        self._subscriptions = subscriptions_of(self._alerting, settings)
        self._server.add_generic_rpc_handlers((alert_services(self._alerting, self._subscriptions, settings),))
        self._health = _health_of(self._server)
        self._is_serving = False
        questions = Questions(registry, answers, self._owner, self._alerting, clock)
        self._front = page_front(self.page, settings, questions, links, lambda: self._is_serving) if self.page else None
        if settings.reflection:
            _describe(self._server)

    def start(self, progress: Progress = lambda read, total: None) -> int:
        """Compiles the kernels, recovers what was kept, then serves; returns the port.

        `progress` is told the bytes that were replayed and those there are. Raises ConfigError where what was kept cannot be read.
        """
        kernels.warm_up()
        if self._durability is not None:
            self._durability.recover(progress)
        self._owner.ahead.start()  # before the owner, which may have hours to close at once
        self._owner.start()
        if self._durability is not None:
            self._durability.start()
        self._alerting.start()
        self._server.start()
        if self._front is not None:
            self._front.start()
        self._serving(health_pb2.HealthCheckResponse.SERVING)
        return self._port

    def stop(self) -> None:
        """Drains: no more is taken, what was accepted is durable and counted, calls under way end or are ended."""
        self._serving(health_pb2.HealthCheckResponse.NOT_SERVING)
        if self._front is not None:
            self._front.stop()
        self._subscriptions.drain()
        self._ingest.drain(self._settings.drain_seconds)
        self._server.stop(self._settings.drain_seconds).wait()
        if self._durability is not None:
            self._durability.writer.hasten()  # alerts wait for what they change to be on the disk
        self._alerting.stop()
        if self._durability is not None:
            self._durability.stop()
        else:
            self._owner.ahead.journal.close()
            self._owner.close()

    def _taken(self, filesystem: Filesystem) -> DataFolder | None:
        """The data folder, this server's from now on; None where nothing is to be kept."""
        settings = self._settings
        if settings.data == "none":
            return None
        segment_bytes = settings.journal_segment_bytes
        return DataFolder(Path(settings.data), filesystem, segment_bytes=segment_bytes, on_state=self._on_state)

    def _on_state(self, state: State, reason: str) -> None:
        """The disk is full, failed, or well again."""
        if state is State.FAILED:
            self._room.close()
            log.error("the disk failed: nothing is taken any more; mend it and start the server again", reason=reason)
            self._serving(health_pb2.HealthCheckResponse.NOT_SERVING)
        elif state is State.STALLED:
            self._room.close()
            log.error("the disk is full: batches are refused until there is room; questions are answered", reason=reason)
        else:
            self._room.open()
            log.info("batches are taken again")

    def _serving(self, status: int) -> None:
        self._is_serving = status == health_pb2.HealthCheckResponse.SERVING
        for service in SERVICES:
            self._health.set(service, status)


def engine_settings(settings: Settings) -> EngineSettings:
    """What the operator set, in the engine's words."""
    return EngineSettings(
        ruler=ruler_of(
            settings.snapshot_minutes * MINUTE_US, settings.panes_1m_minutes * MINUTE_US, settings.panes_5m_minutes * MINUTE_US
        ),
        retention_us=settings.snapshot_days * DAY_US,
        has_store=settings.data != "none",
        producers_max=settings.producers_max,
    )


def _health_of(server: grpc.Server) -> health.HealthServicer:
    servicer = health.HealthServicer(experimental_non_blocking=True, experimental_thread_pool=ThreadPoolExecutor(2, "health"))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return servicer


def _describe(server: grpc.Server) -> None:
    from grpc_reflection.v1alpha import reflection

    reflection.enable_server_reflection((*SERVICES[1:], reflection.SERVICE_NAME), server)


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),  # two servers must not share a port
        ("grpc.max_receive_message_length", settings.payload_bytes_max + 64 * 1024),
        ("grpc.max_metadata_size", _HEADERS_BYTES_MAX),
        ("grpc.absolute_max_metadata_size", _HEADERS_BYTES_MAX),  # between the two gRPC would refuse by chance
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
