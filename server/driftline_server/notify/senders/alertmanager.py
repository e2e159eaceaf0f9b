"""An Alertmanager: alerts posted to its API, so that its routes, silences and inhibitions apply."""

from driftline_server.notify import payload
from driftline_server.notify.channels import Alertmanager
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.request import JSON, send, written


def send_alertmanager(context: Context, receiver: Receiver, channel: Alertmanager, delivery: Delivery) -> None:
    url = channel.url.reveal()
    headers = JSON | {"Idempotency-Key": delivery.key}
    secrets: list[str] = []
    if channel.authorization is not None:
        headers["Authorization"] = channel.authorization.reveal()
        secrets += [headers["Authorization"], headers["Authorization"].rpartition(" ")[2]]
    body = written(payload.posted_alerts(delivery, context.links))
    send(f"{url.rstrip('/')}/api/v2/alerts", body, headers, receiver.route, secrets=secrets, now_us=context.clock.now_us())
