from driftline_proto.v1 import schema_pb2 as _schema_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AckLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACK_LEVEL_UNSPECIFIED: _ClassVar[AckLevel]
    ACK_LEVEL_ACCEPTED: _ClassVar[AckLevel]
    ACK_LEVEL_DURABLE: _ClassVar[AckLevel]
ACK_LEVEL_UNSPECIFIED: AckLevel
ACK_LEVEL_ACCEPTED: AckLevel
ACK_LEVEL_DURABLE: AckLevel

class PushRequest(_message.Message):
    __slots__ = ("batch", "open", "loss", "close")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    batch: Batch
    open: Open
    loss: Loss
    close: Close
    def __init__(self, batch: _Optional[_Union[Batch, _Mapping]] = ..., open: _Optional[_Union[Open, _Mapping]] = ..., loss: _Optional[_Union[Loss, _Mapping]] = ..., close: _Optional[_Union[Close, _Mapping]] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("handle", "sequence", "payload")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    handle: int
    sequence: int
    payload: bytes
    def __init__(self, handle: _Optional[int] = ..., sequence: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("handle", "endpoint", "producer_id", "epoch", "schema", "level")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    handle: int
    endpoint: str
    producer_id: bytes
    epoch: int
    schema: bytes
    level: AckLevel
    def __init__(self, handle: _Optional[int] = ..., endpoint: _Optional[str] = ..., producer_id: _Optional[bytes] = ..., epoch: _Optional[int] = ..., schema: _Optional[bytes] = ..., level: _Optional[_Union[AckLevel, str]] = ...) -> None: ...

class Close(_message.Message):
    __slots__ = ("handle",)
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    handle: int
    def __init__(self, handle: _Optional[int] = ...) -> None: ...

class Loss(_message.Message):
    __slots__ = ("handle", "dropped_rows", "unconvertible_rows", "lost_rows")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    DROPPED_ROWS_FIELD_NUMBER: _ClassVar[int]
    UNCONVERTIBLE_ROWS_FIELD_NUMBER: _ClassVar[int]
    LOST_ROWS_FIELD_NUMBER: _ClassVar[int]
    handle: int
    dropped_rows: int
    unconvertible_rows: int
    lost_rows: int
    def __init__(self, handle: _Optional[int] = ..., dropped_rows: _Optional[int] = ..., unconvertible_rows: _Optional[int] = ..., lost_rows: _Optional[int] = ...) -> None: ...

class PushResponse(_message.Message):
    __slots__ = ("acks", "opened", "refused")
    ACKS_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    acks: _containers.RepeatedCompositeFieldContainer[Ack]
    opened: _containers.RepeatedCompositeFieldContainer[Opened]
    refused: _containers.RepeatedCompositeFieldContainer[Refused]
    def __init__(self, acks: _Optional[_Iterable[_Union[Ack, _Mapping]]] = ..., opened: _Optional[_Iterable[_Union[Opened, _Mapping]]] = ..., refused: _Optional[_Iterable[_Union[Refused, _Mapping]]] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("handle", "endpoint_uid", "last_sequence", "level", "columns", "reserved", "notes", "payload_bytes_max", "rows_max", "refused_by_time", "takes_close")
    class ReservedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_UID_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    ROWS_MAX_FIELD_NUMBER: _ClassVar[int]
    REFUSED_BY_TIME_FIELD_NUMBER: _ClassVar[int]
    TAKES_CLOSE_FIELD_NUMBER: _ClassVar[int]
    handle: int
    endpoint_uid: str
    last_sequence: int
    level: AckLevel
    columns: _containers.RepeatedCompositeFieldContainer[_schema_pb2.Column]
    reserved: _containers.ScalarMap[str, str]
    notes: _containers.RepeatedScalarFieldContainer[str]
    payload_bytes_max: int
    rows_max: int
    refused_by_time: RefusedByTime
    takes_close: bool
    def __init__(self, handle: _Optional[int] = ..., endpoint_uid: _Optional[str] = ..., last_sequence: _Optional[int] = ..., level: _Optional[_Union[AckLevel, str]] = ..., columns: _Optional[_Iterable[_Union[_schema_pb2.Column, _Mapping]]] = ..., reserved: _Optional[_Mapping[str, str]] = ..., notes: _Optional[_Iterable[str]] = ..., payload_bytes_max: _Optional[int] = ..., rows_max: _Optional[int] = ..., refused_by_time: _Optional[_Union[RefusedByTime, _Mapping]] = ..., takes_close: bool = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("handle", "code", "field", "reason")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    handle: int
    code: int
    field: str
    reason: str
    def __init__(self, handle: _Optional[int] = ..., code: _Optional[int] = ..., field: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("handle", "sequence", "level", "rejected", "expected_sequence", "refused_by_time")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_BY_TIME_FIELD_NUMBER: _ClassVar[int]
    handle: int
    sequence: int
    level: AckLevel
    rejected: _containers.RepeatedCompositeFieldContainer[Rejected]
    expected_sequence: int
    refused_by_time: RefusedByTime
    def __init__(self, handle: _Optional[int] = ..., sequence: _Optional[int] = ..., level: _Optional[_Union[AckLevel, str]] = ..., rejected: _Optional[_Iterable[_Union[Rejected, _Mapping]]] = ..., expected_sequence: _Optional[int] = ..., refused_by_time: _Optional[_Union[RefusedByTime, _Mapping]] = ...) -> None: ...

class RefusedByTime(_message.Message):
    __slots__ = ("future_rows", "expired_rows", "example_us")
    FUTURE_ROWS_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_ROWS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_US_FIELD_NUMBER: _ClassVar[int]
    future_rows: int
    expired_rows: int
    example_us: int
    def __init__(self, future_rows: _Optional[int] = ..., expired_rows: _Optional[int] = ..., example_us: _Optional[int] = ...) -> None: ...

class Rejected(_message.Message):
    __slots__ = ("sequence", "field", "reason")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    field: str
    reason: str
    def __init__(self, sequence: _Optional[int] = ..., field: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
