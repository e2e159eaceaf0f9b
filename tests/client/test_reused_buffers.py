"""Model servers write every answer into the same buffer: a value is the one it was at the call."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import FakeServer

import driftline

FLUSH_S = 20.0
FLAT = {"amount": 1.0, "country": "DE", "known": True}


class Tensor:
    """As much of a tensor as is looked at."""

    def __init__(self) -> None:
        self._values = np.zeros(1)

    def __setitem__(self, place: int, value: float) -> None:
        self._values[place] = value

    def item(self) -> float:
        return float(self._values[0])


Log = Callable[[driftline.Monitor, Any], None]
WAYS: dict[str, tuple[str, Log]] = {
    "prediction": ("score", lambda monitor, value: monitor.log(FLAT, prediction=value)),
    "label": ("fraud", lambda monitor, value: monitor.log(FLAT, label=value)),
    "id": ("id", lambda monitor, value: monitor.log(FLAT, id=value)),
    "latency": ("latency", lambda monitor, value: monitor.log(FLAT, latency=value)),
    "number": ("amount", lambda monitor, value: monitor.log(FLAT | {"amount": value})),
    "number beside a fraction": ("amount", lambda monitor, value: monitor.log({"amount": value, "country": 0.5, "known": True})),
    "category": ("country", lambda monitor, value: monitor.log(FLAT | {"country": value})),
    "in order": ("amount", lambda monitor, value: monitor.log([value, 0.5, True])),
    "uneven": ("score", lambda monitor, value: monitor.log({"amount": None, "country": "DE"}, prediction=value)),
}
BUFFERS = {"array": lambda: np.zeros(1), "scalar": lambda: np.zeros(()), "tensor": Tensor}


@pytest.mark.parametrize(("name", "log"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("made", BUFFERS.values(), ids=BUFFERS)
@pytest.mark.filterwarnings("ignore:Conversion of an array:DeprecationWarning")
def test_a_value_is_that_of_the_call(
    fake: FakeServer, monitor_of: MakeMonitor, name: str, log: Log, made: Callable[[], Any]
) -> None:
    monitor = monitor_of(linger=60.0)
    buffer = made()
    place = () if getattr(buffer, "shape", (1,)) == () else 0
    for _ in range(2):  # before the endpoint's columns are known, and after
        for value in range(3):
            buffer[place] = value
            log(monitor, buffer)
        assert monitor.flush(FLUSH_S)
    assert monitor.stats.acknowledged == 6, monitor.stats
    assert fake.column(name) == [{"id": str, "country": str, "fraud": bool}.get(name, float)(value) for value in (0, 1, 2, 0, 1, 2)]


def test_an_array_of_one_instant_is_that_instant(fake: FakeServer, monitor: driftline.Monitor) -> None:
    noon = np.array(["2026-05-01T12:00:00"], "M8[ns]")
    monitor.log({"country": noon})
    monitor.log({"country": noon[0]})
    assert monitor.flush(FLUSH_S)
    assert fake.column("country") == ["2026-05-01 12:00:00"] * 2


def test_what_is_masked_in_an_array_of_one_is_missing(fake: FakeServer, monitor: driftline.Monitor) -> None:
    monitor.log(FLAT, prediction=np.ma.array([1.0], mask=[True]))
    monitor.log(FLAT, prediction=np.ma.array([1.0], mask=[False]))
    assert monitor.flush(FLUSH_S)
    assert fake.column("score") == [None, 1.0]


def test_an_array_of_several_values_is_none(fake: FakeServer, monitor: driftline.Monitor) -> None:
    monitor.log(FLAT, prediction=np.zeros(2))
    monitor.log(FLAT, prediction=0.5)
    assert monitor.flush(FLUSH_S)
    assert fake.column("score") == [0.5]
    assert monitor.stats.last_error == "rows are rejected: prediction: ndarray of shape (2,) is not numeric"
