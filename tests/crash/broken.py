"""A promise that was broken: what a run of kills fails with."""


class Broken(Exception):
    """Not what was promised, and where."""


def require(holds: bool, *what: object) -> None:
    """Raises Broken unless something holds."""
    if not holds:
        raise Broken(*what)
