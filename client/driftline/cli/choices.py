"""Choices about an endpoint as people type them, NAME=VALUE, in the client's words."""

from collections.abc import Sequence

import click

Pair = tuple[float, float]


def thresholds_of(given: Sequence[str]) -> Pair | dict[str, Pair]:
    """Thresholds of all columns, or of single ones. Raises click's UsageError.

    >>> thresholds_of([]), thresholds_of(["0.3,0.6"]), thresholds_of(["amount=0.3,0.6", "a=b=.1,.2"])
    ((0.5, 0.7), (0.3, 0.6), {'amount': (0.3, 0.6), 'a=b': (0.1, 0.2)})
    """
    of_columns = {column: _pair(pair, text) for text in given for column, found, pair in [text.rpartition("=")] if found}
    of_all = [_pair(text, text) for text in given if "=" not in text]
    if of_all and (of_columns or len(of_all) > 1):
        raise click.UsageError("--thresholds: give one pair for all columns, or COL=POTENTIAL,DETECTED for single ones, not both")
    return of_columns or (of_all[0] if of_all else (0.5, 0.7))


def reserved_of(given: Sequence[str]) -> dict[str, str | None]:
    """What reserved names are called, None where they are free. Raises click's UsageError.

    >>> reserved_of(["id=", "timestamp=when"])
    {'id': None, 'timestamp': 'when'}
    """
    reserved: dict[str, str | None] = {}
    for text in given:
        name, found, column = text.partition("=")
        if not found:
            raise click.UsageError(f"--reserved {text}: write {text}=COL, or '{text}=' where the name is free for a column")
        reserved[name] = column or None
    return reserved


def _pair(pair: str, text: str) -> Pair:
    try:
        potential, detected = map(float, pair.split(","))
    except ValueError:
        raise click.UsageError(f"--thresholds {text}: write POTENTIAL,DETECTED, as 0.5,0.7, or COL=0.5,0.7") from None
    return potential, detected
