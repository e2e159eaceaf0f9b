"""A message that tests a receiver: as real ones are, and saying that it is a test."""

from driftline_core.panes import HOUR_US
from driftline_server.notify.notification import FIRING, TEST, TEST_ENDPOINT, Delivery, Notification
from driftline_server.notify.receivers import Receiver


def trial(receiver: Receiver, *, now_us: int) -> Delivery:
    """What `driftline alerts test` sends, by the receiver's own sender and past the outbox: whoever asks waits for the answer."""
    told = Notification(
        id=f"test-{now_us}",
        alert=f"test-{now_us}",
        status=FIRING,
        rule="test of a receiver",
        endpoint=TEST_ENDPOINT,
        event=TEST,
        group="test",
        at_us=now_us,
        first_seen_us=now_us,
        last_seen_us=now_us,
        start_us=now_us - HOUR_US,
        end_us=now_us,
        severity="info",
        summary=f"This is a test of the receiver {receiver.name}; no model has drifted.",
    )
    return Delivery(told.id, receiver.name, told.group, (told,), 1, since_us=now_us)
