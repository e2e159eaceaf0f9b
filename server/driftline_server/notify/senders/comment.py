"""A message as a comment in Markdown, for issues and merge requests."""

from collections.abc import Collection

from driftline_server.notify import escaping, wording
from driftline_server.notify.links import Links
from driftline_server.notify.notification import Delivery


def comment(delivery: Delivery, links: Links) -> str:
    """Everything an alert says is escaped; commands stand as code, the page's address as a link. The key tells doubles."""
    title = f"**{escaping.markdown(wording.title(delivery))}**"
    urls = {links.report_url(each) for each in delivery.notifications}
    told = ["  \n".join(_line(line, urls) for line in lines) for lines in wording.paragraphs(delivery, links)]
    return "\n\n".join([title, *told, f"<!-- driftline {delivery.key} -->"])


def _line(line: str, urls: Collection[str]) -> str:
    name, colon, rest = line.partition(": ")
    if name == "page" and rest in urls:  # what an alert says may begin so too, and is text
        return f"page: <{rest}>"
    if colon and name in wording.COMMANDS:
        return f"{name}: {escaping.code(rest)}"
    return "  \n".join(escaping.markdown(part) for part in line.splitlines())
