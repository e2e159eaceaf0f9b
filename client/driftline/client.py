"""Asking a server: endpoints, drift, histograms, history, rows. What a notebook and the command line use."""

import json
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import grpc
import pyarrow as pa

from driftline import hours, meant, upload
from driftline.alert_calls import AlertCalls
from driftline.endpoint import KINDS, Endpoint, endpoint_from
from driftline.errors import InvalidInput, called, from_rpc
from driftline.names import column_name
from driftline.report import Report, histogram_from, report_from
from driftline.request import address, request_of
from driftline.row_calls import RowCalls
from driftline.span_message import span_message
from driftline.spans import Duration, Instant, duration_us
from driftline.used import used_by, used_by_spec
from driftline_proto.v1 import endpoint_pb2, endpoint_pb2_grpc, export_pb2_grpc, metrics_pb2, metrics_pb2_grpc, schema_pb2

# The name of a column is what a DataFrame has for one: text, a number, a tuple.
Bins = str | Mapping[Any, Sequence[float]]
Thresholds = tuple[float, float] | Mapping[Any, tuple[float, float]]

# Only what may be asked twice is asked again when the server was away for a moment.
RETRIED = {
    "driftline.v1.AlertService": ("ListRules", "ListAlerts", "GetAlert", "ListSilences", "ListReceivers", "ListDeliveries"),
    "driftline.v1.EndpointService": ("GetEndpoint", "ListEndpoints"),
    "driftline.v1.MetricsService": ("GetDrift", "GetHistogram", "GetHistory"),
}
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": service, "method": method} for service, methods in RETRIED.items() for method in methods],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
CHANNEL_OPTIONS = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.max_receive_message_length", 64 * 2**20),
    # A stream of alerts may be still for days: a server that is gone is noticed.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


def connect(target: str, *, timeout: float | None = 30.0) -> "Client":
    """A client of the server at `target` ("host:port"); sends nothing yet. `timeout`: seconds to wait for an answer, or None."""
    return Client(target, timeout=timeout)


class Client(AlertCalls, RowCalls):
    """What a server can be asked. Raises subclasses of driftline.Error. Safe to share between threads."""

    def __init__(self, target: str, *, timeout: float | None = 30.0) -> None:
        self._target = address(target)
        self._timeout = meant.wait(timeout)
        self._channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
        super().__init__(self._channel)
        self._endpoints = endpoint_pb2_grpc.EndpointServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._exports = export_pb2_grpc.ExportServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._metrics = metrics_pb2_grpc.MetricsServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"driftline.connect({self._target!r})"

    def create_endpoint(
        self,
        name: str,
        *,
        reference: Any,
        prediction: Hashable = None,
        label: Hashable = None,
        bins: Bins = "quantile",
        features: Iterable[Hashable] | None = None,
        exclude: Iterable[Hashable] = (),
        kinds: Mapping[Any, str] | None = None,
        thresholds: Thresholds = (0.5, 0.7),
        reserved: Mapping[str, Hashable] | None = None,
        rows_min: int = 50,
        stale_after: Duration = "1h",
        progress: Callable[[int], None] | None = None,
    ) -> Endpoint:
        """Creates an endpoint from a sample of trusted data, which is streamed, so it may be large.

        `reference`: anything Arrow (a table, a record batch, a RecordBatchReader, polars), a pandas DataFrame, or the path of a
        Parquet file. The index of a DataFrame is never a column; `frame.reset_index()` makes it one. `features`: None takes every
        column that is nothing else. Columns that the endpoint does not use (`exclude`) are not sent, and may be of any type.
        `bins`: "quantile", "uniform" or {column: edges}.
        `kinds`: {"zip": "categorical"}. `thresholds`: (potential, detected), or {column: (potential, detected)}. `reserved`:
        {"id": None} frees that name, {"id": "row_id"} maps it. `progress` is called with the rows sent so far. `.notes` of
        the endpoint says what the server did that may surprise. Raises AlreadyExists, InvalidInput.
        """
        least = meant.whole(rows_min)
        if least is None or not 0 <= least < 2**32:
            raise InvalidInput(f"rows_min: {rows_min!r} is no number of rows")
        spec = request_of(
            endpoint_pb2.EndpointSpec,
            name=name,
            prediction=_name(prediction),
            label=_name(label),
            features=_names(() if features is None else features, "features"),
            exclude=_names(exclude, "exclude"),
            kinds={column: _kind(column, kind) for column, kind in _mapping(kinds, "kinds")},
            bins=_bins(bins),
            reserved={word: _name(column) for word, column in _mapping(reserved, "reserved")},
            rows_min=least,
            stale_after_us=duration_us(stale_after),
        )
        if isinstance(thresholds, Mapping):
            for column, pair in _mapping(thresholds, "thresholds"):
                spec.column_thresholds[column].CopyFrom(_thresholds(pair, f"thresholds[{column!r}]"))
        else:
            spec.thresholds.CopyFrom(_thresholds(thresholds, "thresholds"))
        parts = upload.Parts(endpoint_pb2.CreateEndpointRequest, spec, reference, is_used=used_by_spec(spec), progress=progress)
        return self._upload(self._endpoints.CreateEndpoint, parts)

    def set_reference(
        self, name: str, *, reference: Any, bins: Bins | None = None, progress: Callable[[int], None] | None = None
    ) -> Endpoint:
        """Replaces the reference, given as to `create_endpoint`; columns that the endpoint does not use are not sent.

        `bins` None keeps the strategy set at creation. Raises NotFound, InvalidInput.
        """
        spec = request_of(endpoint_pb2.ReferenceSpec, name=name, bins=None if bins is None else _bins(bins))
        is_used = used_by(self.endpoint(name))
        parts = upload.Parts(endpoint_pb2.SetReferenceRequest, spec, reference, is_used=is_used, progress=progress)
        return self._upload(self._endpoints.SetReference, parts)

    def endpoints(self, pattern: str | None = None) -> list[Endpoint]:
        """The endpoints whose canonical name matches a glob (`*` crosses `/`), ordered by name; None: all."""
        request = request_of(endpoint_pb2.ListEndpointsRequest, pattern=pattern or "")
        return [endpoint_from(endpoint) for endpoint in self._ask(self._endpoints.ListEndpoints, request).endpoints]

    def endpoint(self, name: str) -> Endpoint:
        """One endpoint with its counters. Raises NotFound."""
        return endpoint_from(
            self._ask(self._endpoints.GetEndpoint, request_of(endpoint_pb2.GetEndpointRequest, name=name)).endpoint
        )

    def delete_endpoint(self, name: str) -> None:
        """Deletes an endpoint and everything counted for it. Raises NotFound."""
        self._ask(self._endpoints.DeleteEndpoint, request_of(endpoint_pb2.DeleteEndpointRequest, name=name))

    def drift(
        self,
        name: str,
        *,
        window: Duration | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        convention: str = "",
    ) -> Report:
        """Drift of every column over the last `window` of event time (the server's default: 1 hour) or from `start` to `end`.

        The server widens the span to the panes it keeps; the report says which span was used. `convention="mlrun"` gives MLRun's
        formulas and verdict. Raises NotFound, InvalidInput.
        """
        request = request_of(
            metrics_pb2.GetDriftRequest, endpoint=name, span=span_message(window, start, end), convention=convention
        )
        return report_from(self._ask(self._metrics.GetDrift, request))

    def histogram(
        self,
        name: str,
        column: Hashable,
        *,
        window: Duration | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pa.Table:
        """The bins of one column: bin, lower and upper (or category), reference, current. Raises NotFound, InvalidInput."""
        request = request_of(
            metrics_pb2.GetHistogramRequest, endpoint=name, column=_name(column), span=span_message(window, start, end)
        )
        return histogram_from(self._ask(self._metrics.GetHistogram, request))

    def history(
        self,
        name: str,
        metric: str = "drift",
        column: Hashable = None,
        *,
        since: Duration | Instant | None = "7d",
        until: Instant | None = None,
        revisions: Literal["newest", "all"] = "newest",
    ) -> pa.Table:
        """A metric of the closed hours that begin in [since, until): start, end, revision, rows, value, status; one row per hour.

        Metrics: drift, rows and rows_other_reference; with `column`, those that `report.columns` has from rows to max. `since`: an
        instant, or a duration back from `until` (None: now); None: all that is kept. An hour without rows has a row too, with NaN
        where nothing was measured. `revisions="all"` adds what an hour was before late rows came. The schema's metadata name the
        endpoint, metric and column. Raises NotFound, InvalidInput (also where the server keeps nothing).
        """
        since_us, until_us = hours.span_us(since, until, time.time_ns() // 1000)
        request = hours.request(
            name, metric=metric, column=_name(column), since_us=since_us, until_us=until_us, revisions=revisions
        )
        return hours.hours_from(self._ask(self._metrics.GetHistory, request))

    def _ask(self, call: Any, request: Any) -> Any:
        try:
            return called(call, request, target=self._target, timeout=self._timeout)
        except grpc.RpcError as error:
            raise from_rpc(error, self._target) from None

    def _upload(self, call: Any, parts: upload.Parts) -> Endpoint:
        try:
            answer = self._answer(called(call.future, iter(parts), target=self._target))
        except grpc.RpcError as error:
            failure = parts.failure or from_rpc(error, self._target)
            raise failure from failure.__cause__
        finally:
            parts.close()
        return endpoint_from(answer.endpoint, tuple(answer.notes))

    @staticmethod
    def _answer(future: Any) -> Any:
        """What an upload is answered. Whoever stops waiting ends it: the server takes few at once, and waits long for the rest."""
        try:
            return future.result()
        finally:
            future.cancel()


def _bins(bins: Bins) -> endpoint_pb2.Bins:
    if isinstance(bins, str):
        return endpoint_pb2.Bins(strategy=bins)
    try:
        return endpoint_pb2.Bins(
            edges={column_name(column): endpoint_pb2.Edges(edges=list(edges)) for column, edges in bins.items()}
        )
    except (AttributeError, TypeError, ValueError):
        raise InvalidInput(
            f"bins: {bins!r} is none of 'quantile', 'uniform', and edges by column, as {{'age': [0, 18, 65]}}"
        ) from None


def _names(given: Iterable[Hashable], field: str) -> list[str]:
    if isinstance(given, str):
        raise InvalidInput(f"{field}: {given!r} is no list of names; write [{given!r}]")
    try:
        return [column_name(name) for name in given]
    except TypeError:
        raise InvalidInput(f"{field}: {given!r} is no list of names") from None


def _name(column: Any) -> str:
    return "" if column is None else column_name(column)


def _mapping(given: Mapping[Any, Any] | None, field: str) -> list[tuple[str, Any]]:
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInput(f"{field}: {given!r} is no mapping by name, as {{'amount': ...}}")
    return [(column_name(name), value) for name, value in (given or {}).items()]


def _kind(column: str, word: str) -> schema_pb2.Kind:
    for kind, known in KINDS.items():
        if word and word == known:
            return kind
    raise InvalidInput(f"kinds: {column!r} cannot be {word!r}; a kind is 'numeric', 'categorical' or 'boolean'")


def _thresholds(pair: tuple[float, float], field: str) -> schema_pb2.Thresholds:
    try:
        potential, detected = pair
        return schema_pb2.Thresholds(potential=potential, detected=detected)
    except (TypeError, ValueError):
        raise InvalidInput(f"{field}: {pair!r} is no pair (potential, detected), as (0.5, 0.7)") from None
