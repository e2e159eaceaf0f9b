"""A message as a comment in Markdown, for issues and merge requests."""

from driftline_server.notify import escaping, wording
from driftline_server.notify.links import Links
from driftline_server.notify.notification import Delivery


def comment(delivery: Delivery, links: Links) -> str:
    """Everything an alert says is escaped; commands and addresses stand as code. The key is there for who looks for doubles."""
    title = f"**{escaping.markdown(wording.title(delivery))}**"
    told = ["  \n".join(_line(line) for line in lines) for lines in wording.paragraphs(delivery, links)]
    return "\n\n".join([title, *told, f"<!-- driftline {delivery.key} -->"])


def _line(line: str) -> str:
    name, colon, rest = line.partition(": ")
    if colon and name in ("report", "rows"):
        return f"{name}: {escaping.code(rest)}"
    return "  \n".join(escaping.markdown(part) for part in line.splitlines())
