"""Rows that the server keeps, as they are read back; and what of a span is not kept."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import grpc
import pyarrow as pa

from driftline.errors import from_rpc
from driftline.spans import moment
from driftline_proto.v1 import export_pb2

SHOWN_MAX = 5


class HoursNotKept(UserWarning):
    """Rows of some hours were counted but not kept, so they are missing from the rows that were asked for."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Whole hours, aware UTC, that lack `counted - kept` rows; `setting` would keep them, `remedy` says how."""

    start: datetime
    end: datetime
    counted: int
    kept: int
    setting: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of [start, end), the span used: `rows` rows, a `share` of those that came, by hours of length `hour`.

    `timestamp` is the column of event times, `schema` that of the rows, `gaps` the hours whose rows are not all kept.
    """

    endpoint: str
    start: datetime
    end: datetime
    rows: int
    share: float
    hour: timedelta
    timestamp: str
    schema: pa.Schema
    gaps: tuple[Gap, ...]


def rows_of(call: Any, target: str) -> tuple[Kept, pa.RecordBatchReader]:
    """What is kept, and a reader of the rows of a call. Raises what the call failed with."""
    found, message = _summary(call, target)
    return found, pa.RecordBatchReader.from_batches(found.schema, _batches(call, target, message.schema))


def kept_of(call: Any, target: str) -> Kept:
    """What a call for the summary says."""
    return _summary(call, target)[0]


def warn(kept: Kept) -> None:
    """Warns where hours are missing, in the name of who called the client."""
    if kept.gaps:
        shown = "; ".join(describe(gap) for gap in kept.gaps[:SHOWN_MAX])
        more = f"; and {len(kept.gaps) - SHOWN_MAX} spans more" if len(kept.gaps) > SHOWN_MAX else ""
        warnings.warn(f"not all rows of {kept.endpoint} are kept: {shown}{more}", HoursNotKept, stacklevel=3)


def describe(gap: Gap) -> str:
    """A gap in one line."""
    span = f"{gap.start:%Y-%m-%d %H:%M} to {gap.end:%Y-%m-%d %H:%M} UTC"
    rows = f": {gap.kept:,} of {gap.counted:,} rows" if gap.counted else ""
    return f"{span}{rows} ({gap.setting}: {gap.remedy})"


def _summary(call: Any, target: str) -> tuple[Kept, export_pb2.ExportSummary]:
    try:
        message = next(call).summary
    except grpc.RpcError as error:
        raise from_rpc(error, target) from None
    found = Kept(
        endpoint=message.endpoint,
        start=moment(message.start_us),
        end=moment(message.end_us),
        rows=message.rows,
        share=message.share,
        hour=timedelta(microseconds=message.hour_us),
        timestamp=message.timestamp_column,
        schema=pa.ipc.read_schema(pa.py_buffer(message.schema)),
        gaps=tuple(_gap(each) for each in message.not_kept),
    )
    return found, message


def _gap(message: export_pb2.HoursNotKept) -> Gap:
    return Gap(
        start=moment(message.start_us),
        end=moment(message.end_us),
        counted=message.rows_counted,
        kept=message.rows_kept,
        setting=message.setting,
        remedy=message.remedy,
    )


def _batches(call: Any, target: str, schema: bytes) -> Iterator[pa.RecordBatch]:
    """The batches of a call, which ends when nobody wants them any more."""
    try:
        for response in call:
            with pa.ipc.open_stream(b"".join((schema, response.payload))) as reader:
                yield reader.read_next_batch()
    except grpc.RpcError as error:
        raise from_rpc(error, target) from None
    finally:
        call.cancel()
