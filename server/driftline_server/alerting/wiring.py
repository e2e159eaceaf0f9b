"""From the settings to what watches: rules and receivers checked before anything starts."""

import ipaddress

from driftline_core.alerts import parse_all
from driftline_core.errors import CoreError
from driftline_server.alerting.alerting import Alerting
from driftline_server.alerting.ledger import MemoryLedger, StoreLedger
from driftline_server.alerting.receivers import Receivers
from driftline_server.alerting.watch import Watch
from driftline_server.config import ConfigError, Settings
from driftline_server.durability import Durability
from driftline_server.notify.receivers import parse_receivers
from driftline_server.notify.senders import Context
from driftline_server.owner import Owner
from driftline_server.past import Answers
from driftline_server.registry import Registry


def alerting(
    settings: Settings,
    registry: Registry,
    answers: Answers,
    context: Context,
    *,
    owner: Owner,
    durability: Durability | None,
) -> Alerting:
    """Rules, receivers and what they look at. Raises ConfigError, one line that names the key."""
    ledger = StoreLedger(durability.writer) if durability is not None else MemoryLedger()
    try:
        known = parse_receivers(settings.receivers)
        private = settings.callbacks_private or _is_loopback(settings.listen)
        receivers = Receivers(
            known, settings.default_receivers, ledger=ledger, clock=context.clock, context=context, callbacks_private=private
        )
        rules = parse_all(settings.rules, receivers=list(known), evaluate_us=int(settings.evaluate_seconds * 1e6))
    except CoreError as error:
        named = not error.field or error.reason.startswith(error.field.partition(".")[0])
        raise ConfigError(error.reason if named else f"{error.field}: {error.reason}") from None
    watch = Watch(registry, owner, answers)
    return Alerting(
        watch,
        ledger,
        receivers,
        context.clock,
        rules=rules,
        evaluate_s=settings.evaluate_seconds,
        retention_days=settings.alert_days,
    )


def _is_loopback(listen: str) -> bool:
    """Whether only this machine can reach the server: then a callback on it leads nowhere its caller could not go."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
