"""Latency is counted like a column: its bins can be asked for, and nothing else that is said of columns with a reference."""

import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.server import Server
from tests.e2e.watched import SCHEMA, Watched, sample

import driftline


@pytest.mark.parametrize("name", ["latency", "took"])
def test_the_bins_of_latency_are_answered_and_no_drift_of_it(server: Server, name: str) -> None:
    wire = pa.schema([*SCHEMA, (name, pa.float64())])
    seconds = [0.01] * 30 + [2.0] * 9 + [None]
    with Watched(server, wire=wire, reserved={"latency": name}) as watched:
        rows = sample(40, seed=1)
        watched.push(pa.record_batch([*rows.columns, pa.array(seconds)], schema=wire))
        watched.check()
        with driftline.connect(server.address) as client:
            found = client.histogram(watched.name, name, window="1h").to_pylist()
            assert name not in client.drift(watched.name, window="1h").columns["column"].to_pylist()
    assert sum(each["reference"] for each in found) == 0
    assert [each["current"] for each in found if each["current"]] == [30, 9, 1]
    fast, slow = (each for each in found if each["current"] in (30, 9))
    assert fast["lower"] <= 0.01 < fast["upper"]
    assert np.isclose(slow["upper"] / slow["lower"], 1.02)
    assert (found[-1]["bin"], found[-1]["current"]) == ("null", 1)


def test_an_endpoint_without_latency_has_no_bins_of_it(server: Server) -> None:
    with Watched(server, reserved={"latency": ""}) as watched, driftline.connect(server.address) as client:
        with pytest.raises(driftline.NotFound) as failure:
            client.histogram(watched.name, "latency")
        assert str(failure.value).count("latency") == 1
