from driftline_proto.v1 import metrics_pb2 as _metrics_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExportRowsRequest(_message.Message):
    __slots__ = ("endpoint", "span", "summary_only")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_ONLY_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    span: _metrics_pb2.Span
    summary_only: bool
    def __init__(self, endpoint: _Optional[str] = ..., span: _Optional[_Union[_metrics_pb2.Span, _Mapping]] = ..., summary_only: bool = ...) -> None: ...

class ExportRowsResponse(_message.Message):
    __slots__ = ("summary", "payload")
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    summary: ExportSummary
    payload: bytes
    def __init__(self, summary: _Optional[_Union[ExportSummary, _Mapping]] = ..., payload: _Optional[bytes] = ...) -> None: ...

class ExportSummary(_message.Message):
    __slots__ = ("endpoint", "schema", "timestamp_column", "start_us", "end_us", "rows", "share", "hour_us", "not_kept")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_COLUMN_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    HOUR_US_FIELD_NUMBER: _ClassVar[int]
    NOT_KEPT_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    schema: bytes
    timestamp_column: str
    start_us: int
    end_us: int
    rows: int
    share: float
    hour_us: int
    not_kept: _containers.RepeatedCompositeFieldContainer[HoursNotKept]
    def __init__(self, endpoint: _Optional[str] = ..., schema: _Optional[bytes] = ..., timestamp_column: _Optional[str] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., rows: _Optional[int] = ..., share: _Optional[float] = ..., hour_us: _Optional[int] = ..., not_kept: _Optional[_Iterable[_Union[HoursNotKept, _Mapping]]] = ...) -> None: ...

class HoursNotKept(_message.Message):
    __slots__ = ("start_us", "end_us", "rows_counted", "rows_kept", "setting", "remedy")
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    ROWS_COUNTED_FIELD_NUMBER: _ClassVar[int]
    ROWS_KEPT_FIELD_NUMBER: _ClassVar[int]
    SETTING_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    start_us: int
    end_us: int
    rows_counted: int
    rows_kept: int
    setting: str
    remedy: str
    def __init__(self, start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., rows_counted: _Optional[int] = ..., rows_kept: _Optional[int] = ..., setting: _Optional[str] = ..., remedy: _Optional[str] = ...) -> None: ...
