"""The catalogue of channels: how a message goes out on each."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from driftline_server.notify.channels import (
    Alertmanager,
    Apprise,
    Callback,
    Console,
    GitHub,
    GitLab,
    Jenkins,
    PagerDuty,
    Slack,
    Teams,
    Webhook,
)
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.alertmanager import send_alertmanager
from driftline_server.notify.senders.callback import send_callback
from driftline_server.notify.senders.chat import check_apprise, send_apprise
from driftline_server.notify.senders.console import send_console
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.github import send_github
from driftline_server.notify.senders.gitlab import send_gitlab
from driftline_server.notify.senders.jenkins import send_jenkins
from driftline_server.notify.senders.pagerduty import send_pagerduty
from driftline_server.notify.senders.slack import send_slack
from driftline_server.notify.senders.teams import send_teams
from driftline_server.notify.senders.webhook import send_webhook

# Sends one message, or raises Retryable or Permanent. Called by one thread at a time.
Sender = Callable[[Delivery], None]

# (context, receiver, its channel, the message)
SENDERS: Mapping[type, Callable[[Context, Receiver, Any, Delivery], None]] = {
    Webhook: send_webhook,
    Slack: send_slack,
    Teams: send_teams,
    Alertmanager: send_alertmanager,
    PagerDuty: send_pagerduty,
    Apprise: send_apprise,
    Console: send_console,
    Callback: send_callback,
    GitHub: send_github,
    GitLab: send_gitlab,
    Jenkins: send_jenkins,
}


# (its channel): raises Retryable or Permanent where it can be said without a message that none will go out.
CHECKS: Mapping[type, Callable[[Any], None]] = {Apprise: check_apprise}


def sender(receiver: Receiver, context: Context) -> Sender:
    """What sends to a receiver."""
    return partial(SENDERS[type(receiver.channel)], context, receiver, receiver.channel)


__all__ = ["CHECKS", "SENDERS", "Context", "Sender", "sender"]
