"""HTML as elements: a text within one is escaped whatever it is, and only elements are markup, so nothing can be forgotten."""

from dataclasses import dataclass

from driftline_server.notify import escaping

# Not Jinja: three pages are less than its loader, and what it forgets to escape is a template away.
_EMPTY = frozenset(("meta", "link"))


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML that is whole, made by `element` or written in this package."""

    html: str


Child = Markup | str | int | None


def element(name: str, *children: Child, **attributes: str | int | None) -> Markup:
    """An element; None is nothing. Attributes are written with `_` for `-`, and at the end of what is a word of Python.

    >>> element("td", "a <b>", class_="x", aria_label='"').html
    '<td class="x" aria-label="&quot;">a &lt;b&gt;</td>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaping.html(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>" if name in _EMPTY else f"<{name}{given}>{together(*children).html}</{name}>")


def together(*children: Child) -> Markup:
    """Elements and texts one after the other."""
    return Markup("".join(_html(child) for child in children))


def _html(child: Child) -> str:
    match child:
        case None:
            return ""
        case Markup(html):
            return html
    return escaping.html(str(child))
