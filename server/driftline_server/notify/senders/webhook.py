"""Any HTTP server: Alertmanager's webhook form, signed, with a key by which a second delivery is told from a second alert."""

from driftline_server.notify import payload, signature
from driftline_server.notify.channels import Webhook
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.request import JSON, send, written


def send_webhook(context: Context, receiver: Receiver, channel: Webhook, delivery: Delivery) -> None:
    now_us = context.clock.now_us()
    url = channel.url.reveal()
    body = written(payload.webhook(delivery, context.links))
    headers = JSON | {"Idempotency-Key": delivery.key}
    secrets: list[str] = []
    if channel.secret is not None:
        secret = channel.secret.reveal()
        headers[signature.HEADER] = signature.sign(secret, body, at_s=now_us // 10**6)
        secrets.append(secret)
    if channel.authorization is not None:
        headers["Authorization"] = channel.authorization.reveal()
        secrets += [headers["Authorization"], headers["Authorization"].rpartition(" ")[2]]
    send(url, body, headers, receiver.route, secrets=secrets, now_us=now_us)
