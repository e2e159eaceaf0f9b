"""Reading ahead changes nothing about what is read."""

from collections.abc import Iterator

import pytest

from driftline_server.read_ahead import ITEMS_MAX, read_ahead


@pytest.mark.parametrize("count", [0, 1, ITEMS_MAX, 10 * ITEMS_MAX])
def test_items_come_in_order(count: int) -> None:
    assert list(read_ahead(iter(range(count)))) == list(range(count))


def test_what_reading_raises_is_raised_behind_the_items_before() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("the disk")

    items = read_ahead(failing())
    assert next(items) == 1
    with pytest.raises(OSError, match="the disk"):
        next(items)


def test_no_more_is_read_than_is_wanted() -> None:
    read = []

    def counted() -> Iterator[int]:
        for item in range(100 * ITEMS_MAX):
            read.append(item)
            yield item

    items = read_ahead(counted())
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert len(read) <= 2 * ITEMS_MAX + 2
    assert next(items, None) is None
