"""A status and a drift value as characters that read without colour too."""

import math

from rich.text import Text

# What each status looks like: its sign, its style.
SIGNS = {
    "no_detection": ("○", "green"),
    "potential": ("◐", "bold yellow"),
    "detected": ("●", "bold red"),
    "insufficient_data": ("·", "dim"),
}
EIGHTHS = "▏▎▍▌▋▊▉█"


def style_of(status: str | None) -> str:
    """The rich style of a status; of an unknown or absent one: none."""
    return SIGNS.get(status or "", ("", ""))[1]


def verdict(status: str | None, *, short: bool = False) -> Text:
    """A status as text; `short` in at most 12 characters, without the round one before it."""
    sign, style = SIGNS.get(status or "", ("", ""))
    if short:
        return Text((status or "").removesuffix("_data"), style)
    return Text(f"{sign} {status or ''}".strip(), style)


def bar(value: float, width: int, style: str = "", marks: tuple[float, ...] = ()) -> Text:
    """A value in [0, 1] as a bar of `width` characters; `marks` are shown where the bar does not reach.

    >>> bar(0.5, 4).plain, bar(0.55, 4).plain, bar(float("nan"), 4).plain, bar(0.25, 8, marks=(0.5,)).plain
    ('██  ', '██▎ ', '    ', '██  ╎   ')
    """
    eighths = 0 if math.isnan(value) else round(min(max(value, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (EIGHTHS[rest - 1] if rest else "")
    text = Text(filled.ljust(width))
    text.stylize(style, 0, len(filled))
    for place in (int(mark * width) for mark in marks):
        if len(filled) <= place < width:
            text = Text.assemble(text[:place], ("╎", "dim"), text[place + 1 :])
    return text
