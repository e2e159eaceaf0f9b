"""A bar of rows on their way: drawn on a terminal, gone when it is full."""

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TextColumn
from rich.text import Text


class Rows(TextColumn):
    """How many rows of how many; a file may not say how many it has."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f" of {task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{total} rows", "progress.download", no_wrap=True)


def rows_bar(console: Console, *, fill: bool = False) -> Progress:
    """A bar for tasks counted in rows, as wide as the console if it is to `fill` it."""
    columns = (TextColumn("{task.description:<9}"), BarColumn(bar_width=None if fill else 40), Rows(""))
    return Progress(*columns, console=console, expand=fill, transient=True, disable=not console.is_terminal)
