from driftline_proto.v1 import schema_pb2 as _schema_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Bins(_message.Message):
    __slots__ = ("strategy", "edges")
    class EdgesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Edges
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Edges, _Mapping]] = ...) -> None: ...
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    strategy: str
    edges: _containers.MessageMap[str, Edges]
    def __init__(self, strategy: _Optional[str] = ..., edges: _Optional[_Mapping[str, Edges]] = ...) -> None: ...

class Edges(_message.Message):
    __slots__ = ("edges",)
    EDGES_FIELD_NUMBER: _ClassVar[int]
    edges: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, edges: _Optional[_Iterable[float]] = ...) -> None: ...

class EndpointSpec(_message.Message):
    __slots__ = ("name", "prediction", "label", "features", "exclude", "kinds", "bins", "thresholds", "column_thresholds", "reserved", "rows_min", "stale_after_us")
    class KindsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _schema_pb2.Kind
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_schema_pb2.Kind, str]] = ...) -> None: ...
    class ColumnThresholdsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _schema_pb2.Thresholds
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_schema_pb2.Thresholds, _Mapping]] = ...) -> None: ...
    class ReservedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    COLUMN_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    ROWS_MIN_FIELD_NUMBER: _ClassVar[int]
    STALE_AFTER_US_FIELD_NUMBER: _ClassVar[int]
    name: str
    prediction: str
    label: str
    features: _containers.RepeatedScalarFieldContainer[str]
    exclude: _containers.RepeatedScalarFieldContainer[str]
    kinds: _containers.ScalarMap[str, _schema_pb2.Kind]
    bins: Bins
    thresholds: _schema_pb2.Thresholds
    column_thresholds: _containers.MessageMap[str, _schema_pb2.Thresholds]
    reserved: _containers.ScalarMap[str, str]
    rows_min: int
    stale_after_us: int
    def __init__(self, name: _Optional[str] = ..., prediction: _Optional[str] = ..., label: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., exclude: _Optional[_Iterable[str]] = ..., kinds: _Optional[_Mapping[str, _schema_pb2.Kind]] = ..., bins: _Optional[_Union[Bins, _Mapping]] = ..., thresholds: _Optional[_Union[_schema_pb2.Thresholds, _Mapping]] = ..., column_thresholds: _Optional[_Mapping[str, _schema_pb2.Thresholds]] = ..., reserved: _Optional[_Mapping[str, str]] = ..., rows_min: _Optional[int] = ..., stale_after_us: _Optional[int] = ...) -> None: ...

class CreateEndpointRequest(_message.Message):
    __slots__ = ("spec", "chunk", "end")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    spec: EndpointSpec
    chunk: ReferenceChunk
    end: ReferenceEnd
    def __init__(self, spec: _Optional[_Union[EndpointSpec, _Mapping]] = ..., chunk: _Optional[_Union[ReferenceChunk, _Mapping]] = ..., end: _Optional[_Union[ReferenceEnd, _Mapping]] = ...) -> None: ...

class ReferenceChunk(_message.Message):
    __slots__ = ("schema", "payload")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    schema: bytes
    payload: bytes
    def __init__(self, schema: _Optional[bytes] = ..., payload: _Optional[bytes] = ...) -> None: ...

class ReferenceEnd(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    def __init__(self, rows: _Optional[int] = ...) -> None: ...

class CreateEndpointResponse(_message.Message):
    __slots__ = ("endpoint", "notes")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    endpoint: Endpoint
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, endpoint: _Optional[_Union[Endpoint, _Mapping]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class SetReferenceRequest(_message.Message):
    __slots__ = ("spec", "chunk", "end")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    spec: ReferenceSpec
    chunk: ReferenceChunk
    end: ReferenceEnd
    def __init__(self, spec: _Optional[_Union[ReferenceSpec, _Mapping]] = ..., chunk: _Optional[_Union[ReferenceChunk, _Mapping]] = ..., end: _Optional[_Union[ReferenceEnd, _Mapping]] = ...) -> None: ...

class ReferenceSpec(_message.Message):
    __slots__ = ("name", "bins")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    name: str
    bins: Bins
    def __init__(self, name: _Optional[str] = ..., bins: _Optional[_Union[Bins, _Mapping]] = ...) -> None: ...

class SetReferenceResponse(_message.Message):
    __slots__ = ("endpoint", "notes")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    endpoint: Endpoint
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, endpoint: _Optional[_Union[Endpoint, _Mapping]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class GetEndpointRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetEndpointResponse(_message.Message):
    __slots__ = ("endpoint",)
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    endpoint: Endpoint
    def __init__(self, endpoint: _Optional[_Union[Endpoint, _Mapping]] = ...) -> None: ...

class ListEndpointsRequest(_message.Message):
    __slots__ = ("pattern",)
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    def __init__(self, pattern: _Optional[str] = ...) -> None: ...

class ListEndpointsResponse(_message.Message):
    __slots__ = ("endpoints",)
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    endpoints: _containers.RepeatedCompositeFieldContainer[Endpoint]
    def __init__(self, endpoints: _Optional[_Iterable[_Union[Endpoint, _Mapping]]] = ...) -> None: ...

class DeleteEndpointRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteEndpointResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Endpoint(_message.Message):
    __slots__ = ("name", "uid", "columns", "created_us", "reference_version", "reference_rows", "counters", "last_arrival_us", "watermark_us", "stale", "rows_min", "stale_after_us", "thresholds", "reserved", "column_thresholds")
    class ReservedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class ColumnThresholdsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _schema_pb2.Thresholds
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_schema_pb2.Thresholds, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    CREATED_US_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ROWS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    LAST_ARRIVAL_US_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_US_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    ROWS_MIN_FIELD_NUMBER: _ClassVar[int]
    STALE_AFTER_US_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    COLUMN_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    columns: _containers.RepeatedCompositeFieldContainer[_schema_pb2.Column]
    created_us: int
    reference_version: int
    reference_rows: int
    counters: Counters
    last_arrival_us: int
    watermark_us: int
    stale: bool
    rows_min: int
    stale_after_us: int
    thresholds: _schema_pb2.Thresholds
    reserved: _containers.ScalarMap[str, str]
    column_thresholds: _containers.MessageMap[str, _schema_pb2.Thresholds]
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[_schema_pb2.Column, _Mapping]]] = ..., created_us: _Optional[int] = ..., reference_version: _Optional[int] = ..., reference_rows: _Optional[int] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., last_arrival_us: _Optional[int] = ..., watermark_us: _Optional[int] = ..., stale: bool = ..., rows_min: _Optional[int] = ..., stale_after_us: _Optional[int] = ..., thresholds: _Optional[_Union[_schema_pb2.Thresholds, _Mapping]] = ..., reserved: _Optional[_Mapping[str, str]] = ..., column_thresholds: _Optional[_Mapping[str, _schema_pb2.Thresholds]] = ...) -> None: ...

class Counters(_message.Message):
    __slots__ = ("rows", "batches", "duplicate_batches", "rejected_batches", "future_rows", "expired_rows", "dropped_rows", "unconvertible_rows", "lost_rows")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_BATCHES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_BATCHES_FIELD_NUMBER: _ClassVar[int]
    FUTURE_ROWS_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_ROWS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_ROWS_FIELD_NUMBER: _ClassVar[int]
    UNCONVERTIBLE_ROWS_FIELD_NUMBER: _ClassVar[int]
    LOST_ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    batches: int
    duplicate_batches: int
    rejected_batches: int
    future_rows: int
    expired_rows: int
    dropped_rows: int
    unconvertible_rows: int
    lost_rows: int
    def __init__(self, rows: _Optional[int] = ..., batches: _Optional[int] = ..., duplicate_batches: _Optional[int] = ..., rejected_batches: _Optional[int] = ..., future_rows: _Optional[int] = ..., expired_rows: _Optional[int] = ..., dropped_rows: _Optional[int] = ..., unconvertible_rows: _Optional[int] = ..., lost_rows: _Optional[int] = ...) -> None: ...
