"""The alert calls of a client: rules, alerts, silences, receivers."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, overload

import pyarrow as pa

from driftline.alert import Alert, alert_from, alerts_table, state_code
from driftline.errors import InvalidInput
from driftline.following import Following
from driftline.request import request_of
from driftline.rule import Rule, rule_from, rule_message
from driftline.silence import Delivery, Receiver, Silence, delivery_from, receiver_from, silence_from
from driftline.spans import Duration, duration_us
from driftline_proto.v1 import alert_pb2 as pb
from driftline_proto.v1 import alert_pb2_grpc

LISTED_MAX = 10_000


class AlertCalls:
    """The alert calls of a Client."""

    _target: str

    def __init__(self, channel: Any) -> None:
        self._alerts = alert_pb2_grpc.AlertServiceStub(channel)  # type: ignore[no-untyped-call]

    def create_rule(
        self,
        name: str = "",
        *,
        template: str | None = None,
        endpoint: str | None = None,
        event: str | None = None,
        metric: str | None = None,
        above: float | None = None,
        below: float | None = None,
        clear: float | None = None,
        window: Duration | None = None,
        column: str | None = None,
        criteria: Mapping[str, Any] | None = None,
        hold: Duration | None = None,
        severity: str | None = None,
        cooldown: Duration | None = None,
        reset: str | None = None,
        summary: str | None = None,
        receivers: Iterable[str] = (),
    ) -> Rule:
        """Creates a rule. The keys are those of `[[rules]]` in the server's settings; None means the default.

        `template`: "drift-detected", "drift-suspected", "silence" or "latency"; any key beside it overrides. `endpoint`: a name or
        a glob ("shop/*"); default all. Either `event` ("data-drift-detected", "data-drift-suspected", "data-quality", "no-data")
        or `metric` with `above` or `below`. `window`: event time, default "1h". `criteria`: {"count": 3, "within": "1h"}. `hold`:
        how long it must be breached without a break. `clear`: the level at which it has cleared. `severity`: "info", "warning"
        (default) or "critical". `cooldown`: how long after one firing no other is told. `reset`: "auto" (default) or "manual".
        Raises AlreadyExists, InvalidInput.
        """
        message = rule_message(
            name,
            template=template,
            endpoint=endpoint,
            event=event,
            metric=metric,
            above=above,
            below=below,
            clear=clear,
            window=window,
            column=column,
            criteria=criteria,
            hold=hold,
            severity=severity,
            cooldown=cooldown,
            reset=reset,
            summary=summary,
            receivers=receivers,
        )
        return rule_from(self._ask(self._alerts.CreateRule, request_of(pb.CreateRuleRequest, rule=message)).rule)

    def rules(self) -> list[Rule]:
        """All rules, those of the server's settings first."""
        return [rule_from(each) for each in self._ask(self._alerts.ListRules, pb.ListRulesRequest()).rules]

    def delete_rule(self, name: str) -> None:
        """Deletes a rule and ends its alerts. Raises NotFound."""
        self._ask(self._alerts.DeleteRule, request_of(pb.DeleteRuleRequest, name=name))

    @overload
    def alerts(self, endpoint: str | None = None, state: str | None = None, *, follow: Literal[False] = False) -> pa.Table: ...
    @overload
    def alerts(
        self, endpoint: str | None = None, state: None = None, *, follow: Literal[True], resume_token: str = ""
    ) -> Following: ...

    def alerts(
        self, endpoint: str | None = None, state: str | None = None, *, follow: bool = False, resume_token: str = ""
    ) -> pa.Table | Following:
        """Present and past alerts, the newest first (the last 10,000): id, rule, endpoint, column, event, state, severity,
        value, first_seen, last_seen, summary. `endpoint`: a name or glob; `state`: "pending", "firing", "acknowledged", "resolved".

        With `follow` an endless iterator over alerts as they fire, are acknowledged and resolve, from now on or since
        `resume_token` ("0": from the first the server has kept).
        """
        if follow:
            if state is not None:
                raise InvalidInput("state: follow tells of every step; look at each alert's .state instead")
            return Following(self._alerts.Subscribe, self._target, endpoint=endpoint or "", resume_token=resume_token)
        request = request_of(pb.ListAlertsRequest, endpoint=endpoint or "", state=state_code(state), limit=LISTED_MAX)
        return alerts_table(self._ask(self._alerts.ListAlerts, request).alerts)

    def alert(self, id: str) -> Alert:  # noqa: A002 - the word its users know
        """One alert, with its evidence and its steps. Raises NotFound."""
        answer = self._ask(self._alerts.GetAlert, request_of(pb.GetAlertRequest, id=id))
        return alert_from(answer.alert, answer.steps)

    def acknowledge(self, id: str) -> Alert:  # noqa: A002
        """Acknowledges a firing alert: it is not told again, but its end is. Raises NotFound, InvalidInput."""
        return alert_from(self._ask(self._alerts.AcknowledgeAlert, request_of(pb.AcknowledgeAlertRequest, id=id)).alert)

    def reset(self, id: str) -> Alert:  # noqa: A002
        """Ends a firing alert by hand. Raises NotFound, InvalidInput."""
        return alert_from(self._ask(self._alerts.ResetAlert, request_of(pb.ResetAlertRequest, id=id)).alert)

    def silence(self, endpoint: str, rule: str | None = None, duration: Duration = "2h", reason: str = "") -> Silence:
        """Silences an endpoint (a name or glob), or one rule on it, for `duration`; what still fires at the end is told then."""
        request = request_of(
            pb.CreateSilenceRequest, endpoint=endpoint, rule=rule or "", duration_us=duration_us(duration), reason=reason
        )
        return silence_from(self._ask(self._alerts.CreateSilence, request).silence)

    def silences(self) -> list[Silence]:
        """The silences that have not ended."""
        return [silence_from(each) for each in self._ask(self._alerts.ListSilences, pb.ListSilencesRequest()).silences]

    def end_silence(self, id: str) -> Silence:  # noqa: A002
        """Ends a silence before its time. Raises NotFound."""
        return silence_from(self._ask(self._alerts.DeleteSilence, request_of(pb.DeleteSilenceRequest, id=id)).silence)

    def receivers(self) -> list[Receiver]:
        """The receivers of the server's settings, and callbacks."""
        return [receiver_from(each) for each in self._ask(self._alerts.ListReceivers, pb.ListReceiversRequest()).receivers]

    def test_receiver(self, name: str) -> str:
        """Sends a test message to a receiver; returns "" if it arrived, else what went wrong. Raises NotFound."""
        answer = self._ask(self._alerts.TestReceiver, request_of(pb.TestReceiverRequest, name=name))
        return "" if answer.delivered else answer.problem or "it was not delivered"

    def deliveries(self, state: str | None = None, receiver: str | None = None) -> list[Delivery]:
        """What waits to be put into a message, then the messages to receivers, the newest first (the last 1,000).

        `state`: "waiting", "pending", "sending", "delivered" or "dead".
        """
        request = request_of(pb.ListDeliveriesRequest, state=state or "", receiver=receiver or "")
        return [delivery_from(each) for each in self._ask(self._alerts.ListDeliveries, request).deliveries]

    def resend(self, key: str) -> None:
        """Resends a dead message under its old key. Raises NotFound, InvalidInput."""
        self._ask(self._alerts.ResendDelivery, request_of(pb.ResendDeliveryRequest, key=key))

    def register_callback(self, name: str, address: str) -> Receiver:
        """Has the server call `address` ("host:port"), where a driftline.AlertReceiver listens, for every alert from now on.

        The call is repeated until it is acknowledged, across restarts of both sides. Registering a name again replaces its address.
        """
        answer = self._ask(self._alerts.RegisterCallback, request_of(pb.RegisterCallbackRequest, name=name, address=address))
        return receiver_from(answer.receiver)

    def unregister_callback(self, name: str) -> None:
        """Forgets a callback. Raises NotFound."""
        self._ask(self._alerts.UnregisterCallback, request_of(pb.UnregisterCallbackRequest, name=name))

    def _ask(self, call: Any, request: Any) -> Any:
        raise NotImplementedError
