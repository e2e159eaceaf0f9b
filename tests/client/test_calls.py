"""Calls that cannot be meant are refused before anything is sent, in the client's own error."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

import driftline
from driftline.spans import moment


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"exclude": "ab"}, "exclude: 'ab' is no list of names; write ['ab']"),
        ({"features": "a"}, "features: 'a' is no list of names; write ['a']"),
        ({"bins": 10}, "bins: 10 is none of 'quantile', 'uniform', and edges by column"),
        ({"bins": {"a": 5}}, "edges by column"),
        ({"bins": {"a": "uniform"}}, "edges by column"),
        ({"rows_min": -1}, "rows_min: -1 is no number of rows"),
        ({"rows_min": "a"}, "rows_min: 'a' is no number of rows"),
        ({"thresholds": 0.5}, "thresholds: 0.5 is no pair"),
    ],
)
def test_an_endpoint_that_cannot_be_meant(keys: dict[str, Any], told: str) -> None:
    with driftline.connect("127.0.0.1:1") as client, pytest.raises(driftline.InvalidInput) as refused:
        client.create_endpoint("a", reference=pa.table({"a": [1.0]}), **keys)
    assert told in str(refused.value)


def test_an_instant_beyond_the_calendar_is_its_first_or_last() -> None:
    assert moment(-(2**61)) == datetime.min.replace(tzinfo=UTC)
    assert moment(2**61) == datetime.max.replace(tzinfo=UTC)
