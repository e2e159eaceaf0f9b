"""Calls that cannot be meant are refused before anything is sent, in the client's own error."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import pyarrow as pa
import pytest

import driftline
from driftline.errors import from_rpc
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
        ({"thresholds": {"x": 0.3}}, "thresholds['x']: 0.3 is no pair (potential, detected), as (0.5, 0.7)"),
        ({"exclude": 5}, "exclude: 5 is no list of names"),
        ({"kinds": "categorical"}, "kinds: 'categorical' is no mapping by name"),
        ({"reserved": ["id"]}, "reserved: ['id'] is no mapping by name"),
        ({"stale_after": "soon"}, "'soon' is no duration"),
    ],
)
def test_an_endpoint_that_cannot_be_meant(keys: dict[str, Any], told: str) -> None:
    with driftline.connect("127.0.0.1:1") as client, pytest.raises(driftline.InvalidInput) as refused:
        client.create_endpoint("a", reference=pa.table({"a": [1.0]}), **keys)
    assert told in str(refused.value)


def test_an_instant_beyond_the_calendar_is_its_first_or_last() -> None:
    assert moment(-(2**61)) == datetime.min.replace(tzinfo=UTC)
    assert moment(2**61) == datetime.max.replace(tzinfo=UTC)


class LazyFrame:
    """As polars', of which only the name is looked at."""


class Polars:
    """A column of polars."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.chunked_array([[1.0]]).__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (type("Series", (), {})(), "a Series is one column; give a table, as series.to_frame()"),
        (LazyFrame(), "a LazyFrame has no rows yet; give frame.collect()"),
        (Polars(), "reference: "),
        (pa.chunked_array([[1.0]]), "reference: "),
        ([1, 2], "a list is no reference"),
        ("nowhere.parquet", "there is no file 'nowhere.parquet'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_reference_that_is_no_table(reference: Any, told: str) -> None:
    with driftline.connect("127.0.0.1:1") as client, pytest.raises(driftline.InvalidInput) as refused:
        client.create_endpoint("a", reference=reference)
    assert told in str(refused.value)


CALLS: dict[str, Callable[[driftline.Client], object]] = {
    "drift": lambda client: client.drift(5),
    "convention": lambda client: client.drift("a", convention=5),
    "window": lambda client: client.drift("a", window=[1]),
    "start": lambda client: client.drift("a", start=5),
    "histogram": lambda client: client.histogram(5, "a"),
    "history": lambda client: client.history("a", metric=5),
    "endpoint": lambda client: client.endpoint(5),
    "endpoints": lambda client: client.endpoints(5),
    "delete": lambda client: client.delete_endpoint(5),
    "rows": lambda client: client.rows(5),
    "kept": lambda client: client.kept(5),
    "alert": lambda client: client.alert(5),
    "silence": lambda client: client.silence(5),
    "rule": lambda client: client.create_rule(5),
}


AFTERWARDS: dict[str, Callable[[driftline.Client], object]] = {
    "drift": lambda client: client.drift("a"),
    "create": lambda client: client.create_endpoint("a", reference=pa.table({"a": [1.0]})),
    "rows": lambda client: client.rows("a"),
    "rules": lambda client: client.rules(),
    "following": lambda client: client.alerts(follow=True),
}


@pytest.mark.parametrize("call", AFTERWARDS.values(), ids=AFTERWARDS.keys())
def test_a_client_that_is_closed_says_so(call: Callable[[driftline.Client], object]) -> None:
    with driftline.connect("127.0.0.1:1") as client:
        pass
    with pytest.raises(driftline.InvalidInput, match=r"this client of 127.0.0.1:1 is closed; make another with driftline.connect"):
        call(client)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_an_argument_of_another_type(call: Callable[[driftline.Client], object]) -> None:
    with driftline.connect("127.0.0.1:1") as client, pytest.raises(driftline.InvalidInput, match=r"5|\[1\]"):
        call(client)


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ((("grpc-status-details-bin", b""),), "the disk failed"),
        ((), "no driftline server answers at host:1 (the disk failed)"),
        (None, "no driftline server answers at host:1 (the disk failed)"),
    ],
)
def test_what_the_server_says_is_told_in_its_words(metadata: Any, told: str) -> None:
    class Failed(grpc.RpcError):
        code = staticmethod(lambda: grpc.StatusCode.UNAVAILABLE)
        details = staticmethod(lambda: "the disk failed")
        trailing_metadata = staticmethod(lambda: metadata)

    error = from_rpc(Failed(), "host:1")
    assert isinstance(error, driftline.Unavailable)
    assert str(error).startswith(told)
