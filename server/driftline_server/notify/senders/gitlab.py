"""GitLab: a pipeline started by a trigger token, or a note on an issue or merge request."""

import urllib.parse

from driftline_server.notify.channels import GitLab
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.comment import comment
from driftline_server.notify.senders.context import Context
from driftline_server.notify.senders.fields import fields, filled
from driftline_server.notify.senders.request import JSON, send, written


def send_gitlab(context: Context, receiver: Receiver, channel: GitLab, delivery: Delivery) -> None:
    token = channel.token.reveal()
    project = f"{channel.url}/api/v4/projects/{urllib.parse.quote(channel.project, safe='')}"
    headers, now_us = dict(JSON), context.clock.now_us()
    if channel.issue is not None or channel.merge_request is not None:
        where = f"issues/{channel.issue}" if channel.issue is not None else f"merge_requests/{channel.merge_request}"
        headers["PRIVATE-TOKEN"] = token
        body = written({"body": comment(delivery, context.links)})
        send(f"{project}/{where}/notes", body, headers, receiver.route, secrets=[token], now_us=now_us)
        return
    told = fields(delivery, context.links)
    variables = {f"DRIFTLINE_{name.upper()}": text for name, text in told.items()} | filled(channel.variables, told)
    body = written({"token": token, "ref": channel.ref, "variables": variables})
    send(f"{project}/trigger/pipeline", body, headers, receiver.route, secrets=[token], now_us=now_us)
