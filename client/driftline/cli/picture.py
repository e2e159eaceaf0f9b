"""A screen as an SVG picture, for a README."""

import re
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType

WIDTH = 84  # characters
# Rich names a font on somebody's server; a picture should load nothing.
FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def write_picture(path: Path, *parts: RenderableType, title: str) -> None:
    """Writes the parts below one another, in a window called `title`. Raises OSError."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, highlight=False)
    for part in parts:
        console.print(part, "", sep="\n")
    svg = console.export_svg(title=title, unique_id="driftline")
    path.write_text(FONT_FACE.sub("", svg), encoding="utf-8")
