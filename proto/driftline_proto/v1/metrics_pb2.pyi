from driftline_proto.v1 import schema_pb2 as _schema_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Revisions(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVISIONS_UNSPECIFIED: _ClassVar[Revisions]
    REVISIONS_NEWEST: _ClassVar[Revisions]
    REVISIONS_ALL: _ClassVar[Revisions]
REVISIONS_UNSPECIFIED: Revisions
REVISIONS_NEWEST: Revisions
REVISIONS_ALL: Revisions

class Span(_message.Message):
    __slots__ = ("window_us", "start_us", "end_us")
    WINDOW_US_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    window_us: int
    start_us: int
    end_us: int
    def __init__(self, window_us: _Optional[int] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ...) -> None: ...

class GetDriftRequest(_message.Message):
    __slots__ = ("endpoint", "span", "convention")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    CONVENTION_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    span: Span
    convention: str
    def __init__(self, endpoint: _Optional[str] = ..., span: _Optional[_Union[Span, _Mapping]] = ..., convention: _Optional[str] = ...) -> None: ...

class GetDriftResponse(_message.Message):
    __slots__ = ("endpoint", "start_us", "end_us", "rows", "rows_other_reference", "reference_version", "drift", "status", "columns", "convention")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ROWS_OTHER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    CONVENTION_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    start_us: int
    end_us: int
    rows: int
    rows_other_reference: int
    reference_version: int
    drift: float
    status: _schema_pb2.Status
    columns: _containers.RepeatedCompositeFieldContainer[ColumnDrift]
    convention: str
    def __init__(self, endpoint: _Optional[str] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., rows: _Optional[int] = ..., rows_other_reference: _Optional[int] = ..., reference_version: _Optional[int] = ..., drift: _Optional[float] = ..., status: _Optional[_Union[_schema_pb2.Status, str]] = ..., columns: _Optional[_Iterable[_Union[ColumnDrift, _Mapping]]] = ..., convention: _Optional[str] = ...) -> None: ...

class ColumnDrift(_message.Message):
    __slots__ = ("column", "rows", "nulls", "missing", "below", "above", "unseen", "distances", "drift", "status", "mean", "std", "min", "max", "reference_mean", "reference_std")
    class DistancesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NULLS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    BELOW_FIELD_NUMBER: _ClassVar[int]
    ABOVE_FIELD_NUMBER: _ClassVar[int]
    UNSEEN_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    STD_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_MEAN_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_STD_FIELD_NUMBER: _ClassVar[int]
    column: _schema_pb2.Column
    rows: int
    nulls: int
    missing: int
    below: int
    above: int
    unseen: int
    distances: _containers.ScalarMap[str, float]
    drift: float
    status: _schema_pb2.Status
    mean: float
    std: float
    min: float
    max: float
    reference_mean: float
    reference_std: float
    def __init__(self, column: _Optional[_Union[_schema_pb2.Column, _Mapping]] = ..., rows: _Optional[int] = ..., nulls: _Optional[int] = ..., missing: _Optional[int] = ..., below: _Optional[int] = ..., above: _Optional[int] = ..., unseen: _Optional[int] = ..., distances: _Optional[_Mapping[str, float]] = ..., drift: _Optional[float] = ..., status: _Optional[_Union[_schema_pb2.Status, str]] = ..., mean: _Optional[float] = ..., std: _Optional[float] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., reference_mean: _Optional[float] = ..., reference_std: _Optional[float] = ...) -> None: ...

class GetHistogramRequest(_message.Message):
    __slots__ = ("endpoint", "column", "span")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    column: str
    span: Span
    def __init__(self, endpoint: _Optional[str] = ..., column: _Optional[str] = ..., span: _Optional[_Union[Span, _Mapping]] = ...) -> None: ...

class GetHistogramResponse(_message.Message):
    __slots__ = ("endpoint", "column", "start_us", "end_us", "bins")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    column: _schema_pb2.Column
    start_us: int
    end_us: int
    bins: _containers.RepeatedCompositeFieldContainer[Bin]
    def __init__(self, endpoint: _Optional[str] = ..., column: _Optional[_Union[_schema_pb2.Column, _Mapping]] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., bins: _Optional[_Iterable[_Union[Bin, _Mapping]]] = ...) -> None: ...

class Bin(_message.Message):
    __slots__ = ("name", "lower", "upper", "category", "reference", "current")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    lower: float
    upper: float
    category: str
    reference: int
    current: int
    def __init__(self, name: _Optional[str] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., category: _Optional[str] = ..., reference: _Optional[int] = ..., current: _Optional[int] = ...) -> None: ...

class GetHistoryRequest(_message.Message):
    __slots__ = ("endpoint", "metric", "column", "since_us", "until_us", "revisions")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    SINCE_US_FIELD_NUMBER: _ClassVar[int]
    UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    metric: str
    column: str
    since_us: int
    until_us: int
    revisions: Revisions
    def __init__(self, endpoint: _Optional[str] = ..., metric: _Optional[str] = ..., column: _Optional[str] = ..., since_us: _Optional[int] = ..., until_us: _Optional[int] = ..., revisions: _Optional[_Union[Revisions, str]] = ...) -> None: ...

class GetHistoryResponse(_message.Message):
    __slots__ = ("endpoint", "metric", "column", "points")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    metric: str
    column: str
    points: _containers.RepeatedCompositeFieldContainer[HistoryPoint]
    def __init__(self, endpoint: _Optional[str] = ..., metric: _Optional[str] = ..., column: _Optional[str] = ..., points: _Optional[_Iterable[_Union[HistoryPoint, _Mapping]]] = ...) -> None: ...

class HistoryPoint(_message.Message):
    __slots__ = ("start_us", "end_us", "revision", "rows", "value", "status")
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    start_us: int
    end_us: int
    revision: int
    rows: int
    value: float
    status: _schema_pb2.Status
    def __init__(self, start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., revision: _Optional[int] = ..., rows: _Optional[int] = ..., value: _Optional[float] = ..., status: _Optional[_Union[_schema_pb2.Status, str]] = ...) -> None: ...
