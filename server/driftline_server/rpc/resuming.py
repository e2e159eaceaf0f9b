"""Resume tokens: a step of one store, named by the store, its number and its mark, so that no other is taken for it."""

from collections.abc import Callable

from driftline_core.errors import InvalidInput

# Before the first step: of every store, since nothing is known of it yet.
BEGINNING = "0"
_NUMBER_CHARACTERS_MAX = 19


def token_of(lineage: str, sequence: int, mark: str) -> str:
    """What a subscriber resumes with that knows the steps of a store up to one.

    >>> token_of("5eed", 17, "c0ffee")
    '5eed-17-c0ffee'
    """
    return f"{lineage}-{sequence}-{mark}"


def place_of(token: str, lineage: str, *, last: int, mark_of: Callable[[int], str]) -> int:
    """The number of the last step that a subscriber knows of a store, whose newest is `last`. Raises InvalidInput.

    `mark_of` a step is empty where the store keeps it no more: then its number has to do. A store that was put back from an older
    copy takes its numbers a second time, for other steps: by their marks they are told apart.

    >>> place_of("5eed-17-c0ffee", "5eed", last=20, mark_of=lambda sequence: "c0ffee"), place_of("", "5eed", last=20, mark_of=str)
    (17, 20)
    """
    if not token or token == BEGINNING:
        return last if not token else 0
    named, _, rest = token.partition("-")
    number, dash, mark = rest.partition("-")
    place = _number(number)
    if place is None or named != lineage or not dash:
        raise InvalidInput(
            "this resume_token is of another server, or of before this one lost its data; subscribe without one",
            field="resume_token",
        )
    if place > last:
        raise _older_copy(f"is ahead of this server, which has come to step {last}")
    if mark_of(place) not in ("", mark):
        raise _older_copy(f"is of another step {place} than this server has")
    return place


def _older_copy(why: str) -> InvalidInput:
    return InvalidInput(
        f"this resume_token {why}: was its data put back from an older copy? Subscribe without one", field="resume_token"
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_CHARACTERS_MAX else None
