"""Jenkins: a job with parameters, started as a user with an API token (which needs no crumb)."""

import base64
import urllib.parse

from driftline_server.notify.channels import Jenkins
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.fields import fields, filled
from driftline_server.notify.senders.request import send


def send_jenkins(context: Context, receiver: Receiver, channel: Jenkins, delivery: Delivery) -> None:
    token = channel.token.reveal()
    job = "/".join(f"job/{urllib.parse.quote(part, safe='')}" for part in channel.job.split("/"))
    told = fields(delivery, context.links)
    # Jenkins ignores parameters that a job does not declare.
    parameters = {f"DRIFTLINE_{name.upper()}": text for name, text in told.items()} | filled(channel.parameters, told)
    credentials = base64.b64encode(f"{channel.user}:{token}".encode()).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {credentials}"}
    body = urllib.parse.urlencode(parameters).encode()
    url = f"{channel.url}/{job}/buildWithParameters"
    send(url, body, headers, receiver.route, secrets=[token, credentials], now_us=context.clock.now_us())
