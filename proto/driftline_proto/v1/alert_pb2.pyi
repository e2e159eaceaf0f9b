from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_INFO: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
    SEVERITY_CRITICAL: _ClassVar[Severity]

class ResetPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESET_POLICY_UNSPECIFIED: _ClassVar[ResetPolicy]
    RESET_POLICY_AUTO: _ClassVar[ResetPolicy]
    RESET_POLICY_MANUAL: _ClassVar[ResetPolicy]

class AlertState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALERT_STATE_UNSPECIFIED: _ClassVar[AlertState]
    ALERT_STATE_INACTIVE: _ClassVar[AlertState]
    ALERT_STATE_PENDING: _ClassVar[AlertState]
    ALERT_STATE_FIRING: _ClassVar[AlertState]
    ALERT_STATE_ACKNOWLEDGED: _ClassVar[AlertState]
    ALERT_STATE_RESOLVED: _ClassVar[AlertState]
SEVERITY_UNSPECIFIED: Severity
SEVERITY_INFO: Severity
SEVERITY_WARNING: Severity
SEVERITY_CRITICAL: Severity
RESET_POLICY_UNSPECIFIED: ResetPolicy
RESET_POLICY_AUTO: ResetPolicy
RESET_POLICY_MANUAL: ResetPolicy
ALERT_STATE_UNSPECIFIED: AlertState
ALERT_STATE_INACTIVE: AlertState
ALERT_STATE_PENDING: AlertState
ALERT_STATE_FIRING: AlertState
ALERT_STATE_ACKNOWLEDGED: AlertState
ALERT_STATE_RESOLVED: AlertState

class Rule(_message.Message):
    __slots__ = ("name", "endpoint", "event", "metric", "above", "below", "clear", "window_us", "column", "criteria", "hold_us", "severity", "cooldown_us", "reset", "summary", "receivers", "template", "in_settings", "missing_receivers")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    ABOVE_FIELD_NUMBER: _ClassVar[int]
    BELOW_FIELD_NUMBER: _ClassVar[int]
    CLEAR_FIELD_NUMBER: _ClassVar[int]
    WINDOW_US_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    CRITERIA_FIELD_NUMBER: _ClassVar[int]
    HOLD_US_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    COOLDOWN_US_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    IN_SETTINGS_FIELD_NUMBER: _ClassVar[int]
    MISSING_RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    endpoint: str
    event: str
    metric: str
    above: float
    below: float
    clear: float
    window_us: int
    column: str
    criteria: Criteria
    hold_us: int
    severity: Severity
    cooldown_us: int
    reset: ResetPolicy
    summary: str
    receivers: _containers.RepeatedScalarFieldContainer[str]
    template: str
    in_settings: bool
    missing_receivers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., endpoint: _Optional[str] = ..., event: _Optional[str] = ..., metric: _Optional[str] = ..., above: _Optional[float] = ..., below: _Optional[float] = ..., clear: _Optional[float] = ..., window_us: _Optional[int] = ..., column: _Optional[str] = ..., criteria: _Optional[_Union[Criteria, _Mapping]] = ..., hold_us: _Optional[int] = ..., severity: _Optional[_Union[Severity, str]] = ..., cooldown_us: _Optional[int] = ..., reset: _Optional[_Union[ResetPolicy, str]] = ..., summary: _Optional[str] = ..., receivers: _Optional[_Iterable[str]] = ..., template: _Optional[str] = ..., in_settings: bool = ..., missing_receivers: _Optional[_Iterable[str]] = ...) -> None: ...

class Criteria(_message.Message):
    __slots__ = ("count", "within_us")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    WITHIN_US_FIELD_NUMBER: _ClassVar[int]
    count: int
    within_us: int
    def __init__(self, count: _Optional[int] = ..., within_us: _Optional[int] = ...) -> None: ...

class Alert(_message.Message):
    __slots__ = ("id", "rule", "endpoint", "column", "event", "state", "severity", "value", "evidence", "start_us", "end_us", "first_seen_us", "last_seen_us", "fired_us", "acknowledged_us", "resolved_us", "summary", "breaches")
    ID_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_US_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_US_FIELD_NUMBER: _ClassVar[int]
    FIRED_US_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_US_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_US_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    BREACHES_FIELD_NUMBER: _ClassVar[int]
    id: str
    rule: str
    endpoint: str
    column: str
    event: str
    state: AlertState
    severity: Severity
    value: float
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    start_us: int
    end_us: int
    first_seen_us: int
    last_seen_us: int
    fired_us: int
    acknowledged_us: int
    resolved_us: int
    summary: str
    breaches: int
    def __init__(self, id: _Optional[str] = ..., rule: _Optional[str] = ..., endpoint: _Optional[str] = ..., column: _Optional[str] = ..., event: _Optional[str] = ..., state: _Optional[_Union[AlertState, str]] = ..., severity: _Optional[_Union[Severity, str]] = ..., value: _Optional[float] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., first_seen_us: _Optional[int] = ..., last_seen_us: _Optional[int] = ..., fired_us: _Optional[int] = ..., acknowledged_us: _Optional[int] = ..., resolved_us: _Optional[int] = ..., summary: _Optional[str] = ..., breaches: _Optional[int] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("column", "metric", "value", "level", "status")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    column: str
    metric: str
    value: float
    level: float
    status: str
    def __init__(self, column: _Optional[str] = ..., metric: _Optional[str] = ..., value: _Optional[float] = ..., level: _Optional[float] = ..., status: _Optional[str] = ...) -> None: ...

class AlertStep(_message.Message):
    __slots__ = ("before", "after", "at_us", "reason")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    before: AlertState
    after: AlertState
    at_us: int
    reason: str
    def __init__(self, before: _Optional[_Union[AlertState, str]] = ..., after: _Optional[_Union[AlertState, str]] = ..., at_us: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Silence(_message.Message):
    __slots__ = ("id", "endpoint", "rule", "reason", "created_us", "until_us")
    ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_US_FIELD_NUMBER: _ClassVar[int]
    UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    id: str
    endpoint: str
    rule: str
    reason: str
    created_us: int
    until_us: int
    def __init__(self, id: _Optional[str] = ..., endpoint: _Optional[str] = ..., rule: _Optional[str] = ..., reason: _Optional[str] = ..., created_us: _Optional[int] = ..., until_us: _Optional[int] = ...) -> None: ...

class CreateRuleRequest(_message.Message):
    __slots__ = ("rule",)
    RULE_FIELD_NUMBER: _ClassVar[int]
    rule: Rule
    def __init__(self, rule: _Optional[_Union[Rule, _Mapping]] = ...) -> None: ...

class CreateRuleResponse(_message.Message):
    __slots__ = ("rule",)
    RULE_FIELD_NUMBER: _ClassVar[int]
    rule: Rule
    def __init__(self, rule: _Optional[_Union[Rule, _Mapping]] = ...) -> None: ...

class ListRulesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRulesResponse(_message.Message):
    __slots__ = ("rules",)
    RULES_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[Rule]
    def __init__(self, rules: _Optional[_Iterable[_Union[Rule, _Mapping]]] = ...) -> None: ...

class DeleteRuleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteRuleResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAlertsRequest(_message.Message):
    __slots__ = ("endpoint", "state", "limit")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    state: AlertState
    limit: int
    def __init__(self, endpoint: _Optional[str] = ..., state: _Optional[_Union[AlertState, str]] = ..., limit: _Optional[int] = ...) -> None: ...

class ListAlertsResponse(_message.Message):
    __slots__ = ("alerts",)
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    alerts: _containers.RepeatedCompositeFieldContainer[Alert]
    def __init__(self, alerts: _Optional[_Iterable[_Union[Alert, _Mapping]]] = ...) -> None: ...

class GetAlertRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetAlertResponse(_message.Message):
    __slots__ = ("alert", "steps")
    ALERT_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    steps: _containers.RepeatedCompositeFieldContainer[AlertStep]
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[AlertStep, _Mapping]]] = ...) -> None: ...

class AcknowledgeAlertRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class AcknowledgeAlertResponse(_message.Message):
    __slots__ = ("alert",)
    ALERT_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ...) -> None: ...

class ResetAlertRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ResetAlertResponse(_message.Message):
    __slots__ = ("alert",)
    ALERT_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ...) -> None: ...

class CreateSilenceRequest(_message.Message):
    __slots__ = ("endpoint", "rule", "duration_us", "reason")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    rule: str
    duration_us: int
    reason: str
    def __init__(self, endpoint: _Optional[str] = ..., rule: _Optional[str] = ..., duration_us: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class CreateSilenceResponse(_message.Message):
    __slots__ = ("silence",)
    SILENCE_FIELD_NUMBER: _ClassVar[int]
    silence: Silence
    def __init__(self, silence: _Optional[_Union[Silence, _Mapping]] = ...) -> None: ...

class ListSilencesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSilencesResponse(_message.Message):
    __slots__ = ("silences",)
    SILENCES_FIELD_NUMBER: _ClassVar[int]
    silences: _containers.RepeatedCompositeFieldContainer[Silence]
    def __init__(self, silences: _Optional[_Iterable[_Union[Silence, _Mapping]]] = ...) -> None: ...

class DeleteSilenceRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class DeleteSilenceResponse(_message.Message):
    __slots__ = ("silence",)
    SILENCE_FIELD_NUMBER: _ClassVar[int]
    silence: Silence
    def __init__(self, silence: _Optional[_Union[Silence, _Mapping]] = ...) -> None: ...

class ListReceiversRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListReceiversResponse(_message.Message):
    __slots__ = ("receivers",)
    RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    receivers: _containers.RepeatedCompositeFieldContainer[Receiver]
    def __init__(self, receivers: _Optional[_Iterable[_Union[Receiver, _Mapping]]] = ...) -> None: ...

class Receiver(_message.Message):
    __slots__ = ("name", "shown", "is_default", "is_callback")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHOWN_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    IS_CALLBACK_FIELD_NUMBER: _ClassVar[int]
    name: str
    shown: str
    is_default: bool
    is_callback: bool
    def __init__(self, name: _Optional[str] = ..., shown: _Optional[str] = ..., is_default: bool = ..., is_callback: bool = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("key", "receiver", "alerts", "created_us", "state", "attempts", "next_attempt_us", "settled_us", "problem")
    KEY_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    CREATED_US_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_US_FIELD_NUMBER: _ClassVar[int]
    SETTLED_US_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    key: str
    receiver: str
    alerts: int
    created_us: int
    state: str
    attempts: int
    next_attempt_us: int
    settled_us: int
    problem: str
    def __init__(self, key: _Optional[str] = ..., receiver: _Optional[str] = ..., alerts: _Optional[int] = ..., created_us: _Optional[int] = ..., state: _Optional[str] = ..., attempts: _Optional[int] = ..., next_attempt_us: _Optional[int] = ..., settled_us: _Optional[int] = ..., problem: _Optional[str] = ...) -> None: ...

class TestReceiverRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class TestReceiverResponse(_message.Message):
    __slots__ = ("delivered", "problem")
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    delivered: bool
    problem: str
    def __init__(self, delivered: bool = ..., problem: _Optional[str] = ...) -> None: ...

class ListDeliveriesRequest(_message.Message):
    __slots__ = ("state", "receiver")
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    state: str
    receiver: str
    def __init__(self, state: _Optional[str] = ..., receiver: _Optional[str] = ...) -> None: ...

class ListDeliveriesResponse(_message.Message):
    __slots__ = ("deliveries",)
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    def __init__(self, deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ...) -> None: ...

class ResendDeliveryRequest(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class ResendDeliveryResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RegisterCallbackRequest(_message.Message):
    __slots__ = ("name", "address")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    name: str
    address: str
    def __init__(self, name: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class RegisterCallbackResponse(_message.Message):
    __slots__ = ("receiver",)
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    receiver: Receiver
    def __init__(self, receiver: _Optional[_Union[Receiver, _Mapping]] = ...) -> None: ...

class UnregisterCallbackRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UnregisterCallbackResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ("endpoint", "resume_token")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    resume_token: str
    def __init__(self, endpoint: _Optional[str] = ..., resume_token: _Optional[str] = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("alert", "step", "resume_token")
    ALERT_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    step: AlertStep
    resume_token: str
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ..., step: _Optional[_Union[AlertStep, _Mapping]] = ..., resume_token: _Optional[str] = ...) -> None: ...

class NotifyRequest(_message.Message):
    __slots__ = ("delivery_key", "receiver", "attempt", "notifications", "count")
    DELIVERY_KEY_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    delivery_key: str
    receiver: str
    attempt: int
    notifications: _containers.RepeatedCompositeFieldContainer[Notification]
    count: int
    def __init__(self, delivery_key: _Optional[str] = ..., receiver: _Optional[str] = ..., attempt: _Optional[int] = ..., notifications: _Optional[_Iterable[_Union[Notification, _Mapping]]] = ..., count: _Optional[int] = ...) -> None: ...

class Notification(_message.Message):
    __slots__ = ("key", "alert", "at_us", "report", "export_command", "report_url")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    EXPORT_COMMAND_FIELD_NUMBER: _ClassVar[int]
    REPORT_URL_FIELD_NUMBER: _ClassVar[int]
    key: str
    alert: Alert
    at_us: int
    report: str
    export_command: str
    report_url: str
    def __init__(self, key: _Optional[str] = ..., alert: _Optional[_Union[Alert, _Mapping]] = ..., at_us: _Optional[int] = ..., report: _Optional[str] = ..., export_command: _Optional[str] = ..., report_url: _Optional[str] = ...) -> None: ...

class NotifyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
