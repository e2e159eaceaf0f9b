from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_FEATURE: _ClassVar[Role]
    ROLE_PREDICTION: _ClassVar[Role]
    ROLE_LABEL: _ClassVar[Role]
    ROLE_LATENCY: _ClassVar[Role]

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_NUMERIC: _ClassVar[Kind]
    KIND_CATEGORICAL: _ClassVar[Kind]
    KIND_BOOLEAN: _ClassVar[Kind]

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    STATUS_NO_DETECTION: _ClassVar[Status]
    STATUS_POTENTIAL: _ClassVar[Status]
    STATUS_DETECTED: _ClassVar[Status]
    STATUS_INSUFFICIENT_DATA: _ClassVar[Status]
ROLE_UNSPECIFIED: Role
ROLE_FEATURE: Role
ROLE_PREDICTION: Role
ROLE_LABEL: Role
ROLE_LATENCY: Role
KIND_UNSPECIFIED: Kind
KIND_NUMERIC: Kind
KIND_CATEGORICAL: Kind
KIND_BOOLEAN: Kind
STATUS_UNSPECIFIED: Status
STATUS_NO_DETECTION: Status
STATUS_POTENTIAL: Status
STATUS_DETECTED: Status
STATUS_INSUFFICIENT_DATA: Status

class Column(_message.Message):
    __slots__ = ("name", "role", "kind")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: Role
    kind: Kind
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ..., kind: _Optional[_Union[Kind, str]] = ...) -> None: ...

class Thresholds(_message.Message):
    __slots__ = ("potential", "detected")
    POTENTIAL_FIELD_NUMBER: _ClassVar[int]
    DETECTED_FIELD_NUMBER: _ClassVar[int]
    potential: float
    detected: float
    def __init__(self, potential: _Optional[float] = ..., detected: _Optional[float] = ...) -> None: ...
