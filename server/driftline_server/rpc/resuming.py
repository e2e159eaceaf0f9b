"""Resume tokens: a place in the numbered steps of one store, which a token names, so that no other store's is taken for it."""

from driftline_core.errors import InvalidInput

# Before the first step: of every store, since nothing is known of it yet.
BEGINNING = "0"
_NUMBER_CHARACTERS_MAX = 19


def token_of(lineage: str, sequence: int) -> str:
    """What a subscriber resumes with that knows the steps of a store up to one.

    >>> token_of("5eed", 17)
    '5eed-17'
    """
    return f"{lineage}-{sequence}"


def place_of(token: str, lineage: str, *, last: int, has_store: bool) -> int:
    """The number of the last step that a subscriber knows of a store, whose newest is `last`. Raises InvalidInput.

    A number alone is what servers gave out before tokens named the store. It is still taken, but not by a server without a store:
    that one began after it, so that the number is surely another's.

    >>> place_of("5eed-17", "5eed", last=20, has_store=True), place_of("", "5eed", last=20, has_store=True)
    (17, 20)
    """
    if not token or token == BEGINNING:
        return last if not token else 0
    named, dash, number = token.rpartition("-")
    place = _number(number)
    is_ours = named == lineage if dash else has_store
    if place is None or not is_ours:
        raise InvalidInput(
            "this resume_token is not of this server, or of before it lost what it kept; subscribe without one",
            field="resume_token",
        )
    if place > last:
        raise InvalidInput(
            f"this resume_token is ahead of this server, which has come to step {last}: was its data put back from an older copy? "
            "Subscribe without one",
            field="resume_token",
        )
    return place


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_CHARACTERS_MAX else None
