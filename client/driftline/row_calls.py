"""The row calls of a client: reading rows back, and which are kept."""

from typing import Any

import pyarrow as pa

from driftline import kept
from driftline.errors import called
from driftline.kept import Kept
from driftline.request import request_of
from driftline.span_message import span_message
from driftline.spans import Duration, Instant
from driftline_proto.v1 import export_pb2


class RowCalls:
    """The row calls of a Client."""

    _target: str
    _exports: Any  # the service's stub, made before the channel can be closed: gRPC does not survive it afterwards

    def rows(
        self, name: str, *, start: Instant | None = None, end: Instant | None = None, window: Duration | None = None
    ) -> pa.RecordBatchReader:
        """The rows of an endpoint from `start` to `end`, or of the last `window` of event time (the server's default: 1 hour).

        They are streamed in the order of event time, each once: `.read_all()`, `.read_pandas()`, or batch by batch. Columns: `id`,
        `timestamp` (UTC; the arrival where a row had none), the endpoint's, `latency`, `error`. If rows of some hours are not
        kept, a HoursNotKept warning names the hours and the setting; `kept` gives the same beforehand, as data. Raises NotFound,
        also if rows were counted and none is kept; InvalidInput, also if the server keeps nothing (--data none).

        Values have the types they are counted in, whatever they were sent as: numbers are doubles (integers exact up to 2**53),
        categories are dictionary-encoded text. To get the reference's types: `table.select(schema.names).cast(schema)`.
        """
        found, reader = self.rows_kept(name, start=start, end=end, window=window)
        kept.warn(found)
        return reader

    def rows_kept(
        self, name: str, *, start: Instant | None = None, end: Instant | None = None, window: Duration | None = None
    ) -> tuple[Kept, pa.RecordBatchReader]:
        """As `rows`, together with what `kept` says at the same moment; gives no warning."""
        request = request_of(export_pb2.ExportRowsRequest, endpoint=name, span=span_message(window, start, end))
        return kept.rows_of(self._export(request), self._target)

    def kept(self, name: str, *, start: Instant | None = None, end: Instant | None = None, window: Duration | None = None) -> Kept:
        """What `rows` would give: how many rows, and the hours whose rows are not kept, with the setting that would keep them."""
        request = request_of(export_pb2.ExportRowsRequest, endpoint=name, span=span_message(window, start, end), summary_only=True)
        return kept.kept_of(self._export(request), self._target)

    def _export(self, request: export_pb2.ExportRowsRequest) -> Any:
        return called(self._exports.ExportRows, request, target=self._target)
