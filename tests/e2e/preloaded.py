"""A model server as gunicorn loads it before it forks: its monitor exists, and has logged a row, in the parent already."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import driftline

monitor = driftline.Monitor(os.environ["PRELOADED_TARGET"], os.environ["PRELOADED_ENDPOINT"])
monitor.log({"x": 0.0})


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serves one prediction, and says which process did."""
    monitor.log({"x": 1.0})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
