"""How a missing extra is installed: driftline is on no package index, so from a checkout of it."""


def install(extra: str) -> str:
    """The command.

    >>> install("server")
    "pip install '.[server]' in a checkout of driftline"
    """
    return f"pip install '.[{extra}]' in a checkout of driftline"
