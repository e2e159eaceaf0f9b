"""The server's standard output, for a first look and for demos."""

from driftline_server.notify import escaping, wording
from driftline_server.notify.channels import Console
from driftline_server.notify.failures import Retryable
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.context import Context


def send_console(context: Context, receiver: Receiver, channel: Console, delivery: Delivery) -> None:
    text = f"{wording.title(delivery)}\n{wording.body(delivery, context.links)}"
    try:
        context.console.write(escaping.terminal(text) + "\n")
        context.console.flush()
    except (OSError, ValueError):
        raise Retryable("the console cannot be written to") from None
