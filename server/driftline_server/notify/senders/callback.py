"""A gRPC callback, made by whoever was wired to make it."""

from driftline_server.notify.channels import Callback
from driftline_server.notify.notification import Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.senders.context import Context


def send_callback(context: Context, receiver: Receiver, channel: Callback, delivery: Delivery) -> None:
    context.calls_back(channel, receiver.route, delivery)
