"""What becomes of a reference's columns on their way: which are sent, and what a dictionary of numbers or of times is."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.e2e.server import CALL_S, Server

import driftline

LONG = "x" * 5 * 2**20
NUMBERS = pa.array([7, 8, 9] * 20).dictionary_encode()


def kinds(endpoint: driftline.Endpoint) -> dict[str, str]:
    return {column.name: column.kind for column in endpoint.columns}


def test_a_dictionary_of_numbers_is_categorical_unless_it_is_called_numeric(server: Server) -> None:
    table = pa.table({"zip": NUMBERS, "share": NUMBERS.cast(pa.dictionary(pa.int32(), pa.float64()))})
    with driftline.connect(server.address) as client:
        assert kinds(client.create_endpoint("columns/words", reference=table)) == {"zip": "categorical", "share": "categorical"}
        made = client.create_endpoint("columns/numbers", reference=table, kinds=dict.fromkeys(("zip", "share"), "numeric"))
        assert kinds(made) == {"zip": "numeric", "share": "numeric"}
        for name in ("columns/numbers", "columns/words"):
            with driftline.Monitor(server.address, name) as monitor:
                monitor.log_batch(table)
                monitor.log_batch(pa.table({"zip": [7, 8, 9] * 20, "share": [7.0, 8.0, 9.0] * 20}))
                assert monitor.flush(CALL_S), monitor.stats
            report = client.drift(name, window="1h")
            assert (report.rows, report.drift) == (120, 0.0)


def test_a_dictionary_of_times_is_refused_as_times_are(server: Server) -> None:
    times = pa.array([datetime(2026, 1, 31, tzinfo=UTC)] * 60)
    with driftline.connect(server.address) as client:
        told = []
        for column in (times, times.dictionary_encode()):
            with pytest.raises(driftline.InvalidInput, match=r"a moment .* leave it out \(exclude=\['at'\]\)") as refused:
                client.create_endpoint("columns/times", reference=pa.table({"at": column, "amount": [1.0] * 60}))
            told.append(str(refused.value))
        assert told[0] == told[1]


@pytest.mark.parametrize("choice", [{"exclude": ["text"]}, {"features": ["caf\u00e9"]}])
def test_columns_that_are_not_used_are_not_sent(server: Server, choice: dict[str, list[str]]) -> None:
    columns = {"text": [LONG] * 60, "cafe\u0301": list(range(60)), "score": [0.5] * 60, "id": list(range(60))}
    name = f"columns/{'-'.join(choice)}"
    with driftline.connect(server.address) as client:
        made = client.create_endpoint(name, reference=pa.table(columns), prediction="score", **choice)
        assert kinds(made) == {"caf\u00e9": "numeric", "score": "numeric"}
        assert client.set_reference(name, reference=pa.table(columns)).notes == (
            "column 'text' of the reference is not known to the endpoint and is ignored",
            "column 'id' of the reference is not known to the endpoint and is ignored",
        )
        with pytest.raises(driftline.InvalidInput, match="exclude names 'txet', which the reference does not have"):
            client.create_endpoint("columns/typo", reference=pa.table({"text": ["a"] * 60}), exclude=["txet"])


INDEXED = {
    "shuffled": lambda frame: frame.sample(frac=1, random_state=1),
    "filtered": lambda frame: frame[frame.x % 7 != 2],
    "named": lambda frame: frame.set_index(pd.Index(frame.x, name="row")),
    "two levels": lambda frame: frame.set_index([pd.Index(frame.x), pd.Index(frame.x, name="row")]),
    "as a table": lambda frame: pa.Table.from_pandas(frame.sample(frac=1, random_state=1)),
}


@pytest.mark.parametrize("made", INDEXED.values(), ids=INDEXED)
def test_a_frames_index_is_a_column_neither_of_its_reference_nor_of_its_rows(
    server: Server, made: Callable[[pd.DataFrame], object], request: pytest.FixtureRequest
) -> None:
    table = made(pd.DataFrame({"x": np.arange(60.0), "y": np.arange(60.0)}))
    name = f"columns/{request.node.callspec.id.replace(' ', '-')}"
    with driftline.connect(server.address) as client, driftline.Monitor(server.address, name) as monitor:
        assert kinds(client.create_endpoint(name, reference=table)) == {"x": "numeric", "y": "numeric"}
        assert client.set_reference(name, reference=table).notes == ()
        monitor.log_batch(table)
        assert monitor.flush(CALL_S), monitor.stats
        report = client.drift(name, window="1h")
        assert (report.drift, report.columns["nulls"].to_pylist()) == (0.0, [0, 0])


@pytest.mark.parametrize("strange", [["a", 1] * 30, [1j] * 60], ids=["mixed", "complex"])
def test_a_column_that_arrow_cannot_take_is_left_out_of_every_reference(server: Server, strange: list[object]) -> None:
    frame = pd.DataFrame({"x": strange, "y": np.arange(60.0)})
    name = f"columns/strange-{type(strange[0]).__name__}"
    with driftline.connect(server.address) as client:
        assert kinds(client.create_endpoint(name, reference=frame, exclude=["x"])) == {"y": "numeric"}
        assert client.set_reference(name, reference=frame).reference_version == 2


def test_a_frames_column_that_stands_twice_is_told_what_to_do(server: Server) -> None:
    frame = pd.DataFrame([[1.0, 2.0]] * 60, columns=["x", "x"])
    with driftline.connect(server.address) as client, pytest.raises(driftline.InvalidInput, match=r"'x' stands twice; .* give"):
        client.create_endpoint("columns/twice", reference=frame)


def test_a_row_that_is_too_large_names_its_largest_column(server: Server) -> None:
    table = pa.table({"score": [1.0], "text": [LONG], "more": [LONG[:1000]]})
    with driftline.connect(server.address) as client:
        with pytest.raises(driftline.InvalidInput, match=r"column 'text': leave it out .* \(exclude=\['text'\]\), or shorten it"):
            client.create_endpoint("columns/long", reference=table)
        with pytest.raises(driftline.InvalidInput, match="'score' is the prediction or label and excluded; take it out of one"):
            client.create_endpoint("columns/lost", reference=table.drop("text"), prediction="score", exclude=["score"])


@pytest.mark.parametrize(
    "column", [pa.array([[1.0, 2.0]] * 60), pa.array([{"a": 1}] * 60), pa.array([[]] * 60, pa.list_(pa.int8()))]
)
def test_a_nested_column_is_named_with_its_type_and_the_remedy(server: Server, column: pa.Array) -> None:
    table = pa.table({"e": column, "x": np.arange(60.0)})
    with driftline.connect(server.address) as client:
        with pytest.raises(driftline.InvalidInput, match=r"column 'e' is .* a nested type; leave it out .*\(exclude=\['e'\]\)"):
            client.create_endpoint("columns/nested", reference=table)
        made = client.create_endpoint(f"columns/nested{len(str(column))}", reference=table, exclude=["e"])
    assert kinds(made) == {"x": "numeric"}


def test_features_may_be_anything_that_holds_names(server: Server) -> None:
    frame = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60.0), "c": np.arange(60.0)})
    with driftline.connect(server.address) as client:
        for number, features in enumerate((frame.columns[:2], np.array(["a", "b"]), pd.Series(["a", "b"]), ("a", "b"))):
            made = client.create_endpoint(f"columns/features{number}", reference=frame, features=features)
            assert list(kinds(made)) == ["a", "b"]
