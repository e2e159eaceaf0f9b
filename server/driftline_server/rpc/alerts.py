"""AlertService: rules, alerts, silences, receivers."""

from concurrent.futures import ThreadPoolExecutor

import grpc

from driftline_core.alerts import endpoint_pattern
from driftline_core.errors import InvalidInput
from driftline_core.panes import DAY_US
from driftline_proto.v1 import alert_pb2 as pb
from driftline_server.alerting.alerting import Alerting
from driftline_server.rpc import convert_alerts as convert
from driftline_server.rpc.subscriptions import Subscriptions
from driftline_server.rpc.wiring import download, service, unary

_LISTED, _LISTED_MAX = 1_000, 10_000
_SILENCE_MAX_US = 365 * DAY_US
_REASON_MAX = 500
_DELIVERY_STATES = ("waiting", "pending", "sending", "delivered", "dead")


class AlertService:
    """The calls of AlertService, from request to response; alert.proto has what each promises and its errors."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    def create_rule(self, request: pb.CreateRuleRequest) -> pb.CreateRuleResponse:
        made = self._alerting.create_rule(convert.rule_keys(request.rule))
        return pb.CreateRuleResponse(rule=convert.rule(made, in_settings=False))

    def list_rules(self, request: pb.ListRulesRequest) -> pb.ListRulesResponse:
        gone = self._alerting.receivers.gone
        return pb.ListRulesResponse(
            rules=[
                convert.rule(each, in_settings=in_settings, missing=gone(each.receivers))
                for each, in_settings in self._alerting.rules()
            ]
        )

    def delete_rule(self, request: pb.DeleteRuleRequest) -> pb.DeleteRuleResponse:
        self._alerting.delete_rule(request.name)
        return pb.DeleteRuleResponse()

    def list_alerts(self, request: pb.ListAlertsRequest) -> pb.ListAlertsResponse:
        if request.limit > _LISTED_MAX:
            raise InvalidInput(f"limit {request.limit} is over {_LISTED_MAX}; name an endpoint or a state", field="limit")
        found = self._alerting.alerts(
            endpoint=endpoint_pattern(request.endpoint) if request.endpoint else None,
            state=convert.state(request.state),
            most=request.limit or _LISTED,
        )
        return pb.ListAlertsResponse(alerts=[convert.alert(each, evidence=False) for each in found])

    def get_alert(self, request: pb.GetAlertRequest) -> pb.GetAlertResponse:
        found, steps = self._alerting.alert(request.id)
        return pb.GetAlertResponse(alert=convert.alert(found), steps=convert.steps(steps))

    def acknowledge(self, request: pb.AcknowledgeAlertRequest) -> pb.AcknowledgeAlertResponse:
        return pb.AcknowledgeAlertResponse(alert=convert.alert(self._alerting.acknowledge(request.id)))

    def reset(self, request: pb.ResetAlertRequest) -> pb.ResetAlertResponse:
        return pb.ResetAlertResponse(alert=convert.alert(self._alerting.reset(request.id)))

    def create_silence(self, request: pb.CreateSilenceRequest) -> pb.CreateSilenceResponse:
        if not 0 < request.duration_us <= _SILENCE_MAX_US:
            raise InvalidInput("a silence must last longer than nothing and at most 365 days", field="duration_us")
        if len(request.reason) > _REASON_MAX:
            raise InvalidInput(f"the reason has more than {_REASON_MAX} characters; write a shorter one", field="reason")
        if not request.endpoint:
            raise InvalidInput('say which endpoints are to be silent: a name, a glob such as "shop/*", or "*"', field="endpoint")
        if request.rule and request.rule not in {each.name for each, _ in self._alerting.rules()}:
            raise InvalidInput(f"there is no rule {request.rule[:100]!r}; leave it out to silence every rule", field="rule")
        made = self._alerting.silence(
            endpoint_pattern(request.endpoint), rule=request.rule, duration_us=request.duration_us, reason=request.reason
        )
        return pb.CreateSilenceResponse(silence=convert.silence(made))

    def list_silences(self, request: pb.ListSilencesRequest) -> pb.ListSilencesResponse:
        return pb.ListSilencesResponse(silences=map(convert.silence, self._alerting.silences()))

    def delete_silence(self, request: pb.DeleteSilenceRequest) -> pb.DeleteSilenceResponse:
        return pb.DeleteSilenceResponse(silence=convert.silence(self._alerting.end_silence(request.id)))

    def list_receivers(self, request: pb.ListReceiversRequest) -> pb.ListReceiversResponse:
        return pb.ListReceiversResponse(receivers=map(convert.receiver, self._alerting.receivers.listed()))

    def test_receiver(self, request: pb.TestReceiverRequest) -> pb.TestReceiverResponse:
        problem = self._alerting.receivers.test(request.name)
        return pb.TestReceiverResponse(delivered=not problem, problem=problem)

    def list_deliveries(self, request: pb.ListDeliveriesRequest) -> pb.ListDeliveriesResponse:
        if request.state and request.state not in _DELIVERY_STATES:
            raise InvalidInput(f"state {request.state[:40]!r} is none of {', '.join(_DELIVERY_STATES)}", field="state")
        found = self._alerting.receivers.letters(state=request.state or None, receiver=request.receiver or None)
        return pb.ListDeliveriesResponse(deliveries=map(convert.delivery, found))

    def resend_delivery(self, request: pb.ResendDeliveryRequest) -> pb.ResendDeliveryResponse:
        self._alerting.receivers.resend(request.key)
        return pb.ResendDeliveryResponse()

    def register_callback(self, request: pb.RegisterCallbackRequest) -> pb.RegisterCallbackResponse:
        made = self._alerting.receivers.register(request.name, request.address)
        return pb.RegisterCallbackResponse(receiver=convert.receiver(made))

    def unregister_callback(self, request: pb.UnregisterCallbackRequest) -> pb.UnregisterCallbackResponse:
        self._alerting.receivers.unregister(request.name)
        return pb.UnregisterCallbackResponse()


def alert_handlers(
    alerts: AlertService, subscriptions: Subscriptions, pool: ThreadPoolExecutor, slow: ThreadPoolExecutor
) -> grpc.GenericRpcHandler:
    """The handlers of AlertService. `pool` is for subscribers; `slow` for tests of receivers, which wait for others' servers."""
    return service(
        "AlertService",
        {
            "CreateRule": unary(alerts.create_rule, pb.CreateRuleRequest),
            "ListRules": unary(alerts.list_rules, pb.ListRulesRequest),
            "DeleteRule": unary(alerts.delete_rule, pb.DeleteRuleRequest),
            "ListAlerts": unary(alerts.list_alerts, pb.ListAlertsRequest),
            "GetAlert": unary(alerts.get_alert, pb.GetAlertRequest),
            "AcknowledgeAlert": unary(alerts.acknowledge, pb.AcknowledgeAlertRequest),
            "ResetAlert": unary(alerts.reset, pb.ResetAlertRequest),
            "CreateSilence": unary(alerts.create_silence, pb.CreateSilenceRequest),
            "ListSilences": unary(alerts.list_silences, pb.ListSilencesRequest),
            "DeleteSilence": unary(alerts.delete_silence, pb.DeleteSilenceRequest),
            "ListReceivers": unary(alerts.list_receivers, pb.ListReceiversRequest),
            "TestReceiver": unary(alerts.test_receiver, pb.TestReceiverRequest, slow),
            "ListDeliveries": unary(alerts.list_deliveries, pb.ListDeliveriesRequest),
            "ResendDelivery": unary(alerts.resend_delivery, pb.ResendDeliveryRequest),
            "RegisterCallback": unary(alerts.register_callback, pb.RegisterCallbackRequest),
            "UnregisterCallback": unary(alerts.unregister_callback, pb.UnregisterCallbackRequest),
            "Subscribe": download(subscriptions.subscribe, pb.SubscribeRequest, pool),
        },
    )
