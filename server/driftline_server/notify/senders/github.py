"""GitHub: an event for a repository's workflows, one workflow started, or a comment on an issue or pull request."""

from typing import Any

from driftline_server.notify import payload
from driftline_server.notify.channels import GitHub
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.comment import comment
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.fields import fields, filled
from driftline_server.notify.senders.request import JSON, send, written

# GitHub's own limit is 64 KiB of payload, with at most ten keys at its top.
_PAYLOAD_BYTES_MAX = 60_000


def send_github(context: Context, receiver: Receiver, channel: GitHub, delivery: Delivery) -> None:
    token = channel.token.reveal()
    path, body = request(context, channel, delivery)
    headers = JSON | {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "Authorization": f"Bearer {token}",
    }
    url = f"{channel.api}/repos/{channel.repository}/{path}"
    send(url, written(body), headers, receiver.route, secrets=[token], now_us=context.clock.now_us())


def request(context: Context, channel: GitHub, delivery: Delivery) -> tuple[str, dict[str, Any]]:
    """Path below the repository, and body."""
    told = fields(delivery, context.links)
    if channel.issue is not None:
        return f"issues/{channel.issue}/comments", {"body": comment(delivery, context.links)}
    if channel.workflow is not None:
        # A workflow refuses inputs that it does not declare, so that there are those which the operator names.
        return f"actions/workflows/{channel.workflow}/dispatches", {"ref": channel.ref, "inputs": filled(channel.inputs, told)}
    alerts = payload.webhook(delivery, context.links)["alerts"]
    while len(written(alerts)) > _PAYLOAD_BYTES_MAX - len(written(told)):
        alerts = alerts[: len(alerts) // 2]
    return "dispatches", {"event_type": channel.event_type, "client_payload": {"message": told, "alerts": alerts}}
