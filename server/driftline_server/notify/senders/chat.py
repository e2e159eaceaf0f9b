"""Mail and chats, through the notification library: loaded where a receiver is reached by it, since it costs 40 MB.

It is given plain text and told so, and escapes for HTML and each chat by itself; mentions are broken before. Its redirects are
off, and it remembers nothing on disk. The address policy does not hold here: where such an address leads is between the library and
the operator.
"""

import logging
from typing import Any

from driftline_server.notify import escaping, wording
from driftline_server.notify.channels import Apprise
from driftline_server.notify.failures import Permanent, Retryable
from driftline_server.notify.notification import FIRING, Delivery
from driftline_server.notify.receivers import Receiver
from driftline_server.notify.secret import masked, parts
from driftline_server.notify.senders.context import Context

TOTAL_S = 60.0
# Its plain HTTP ones: no address policy, no signature, no key. And those that read further addresses from elsewhere.
_REFUSED = ("json", "xml", "form", "http", "https", "apprise", "apprises", "file")
_REASON_MAX = 300


def send_apprise(context: Context, receiver: Receiver, channel: Apprise, delivery: Delivery) -> None:
    url = channel.url.reveal()
    service = _service(url, channel)
    kind = "success" if delivery.status != FIRING else _KINDS.get(delivery.notifications[0].severity, "warning")
    result = service.notify(
        title=escaping.subject(wording.title(delivery)),
        body=escaping.unmentioned(escaping.plain(wording.body(delivery, context.links))),
        notify_type=kind,
        body_format="text",
        interpret_escapes=False,
        timeout=TOTAL_S,
        log_level=logging.WARNING,
    )
    if not result:
        said = "; ".join(dict.fromkeys(entry.message for entry in result.logs())) or "the service did not take it"
        raise Retryable(f"{channel.url}: {masked(escaping.plain(said, is_long=False), parts(url))[:_REASON_MAX]}")


def check_apprise(channel: Apprise) -> None:
    """Raises Retryable where the address cannot be read now, Permanent where the library does not understand it."""
    _service(channel.url.reveal(), channel)


_KINDS = {"info": "info", "warning": "warning", "critical": "failure"}


def _service(url: str, channel: Apprise) -> Any:
    """The library's object for one address. Raises Permanent where it knows no such service."""
    scheme = url.partition("://")[0].lower()
    if scheme in _REFUSED or scheme.removesuffix("s") in _REFUSED:
        raise Permanent(f"{channel.url} holds a {scheme}:// address, for which there is a channel of our own; use webhook = …")
    import apprise

    _silence()
    service = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False, storage_mode="memory", secure_logging=True))
    if len(url.split()) != 1 or not service.add(url) or len(service) != 1:
        raise Permanent(f"{channel.url} holds no address that the notification library understands; see its list of services")
    return service


def _silence() -> None:
    """The library's log goes nowhere by itself: it may quote an address. What it says of a failure is in its result, and masked."""
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
