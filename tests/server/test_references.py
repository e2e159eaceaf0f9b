"""References that follow one another: each may be cut in its own way, and the endpoint stays what its creator said."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.server.inside import Inside

import driftline

NAME = "shop/fraud/scorer:v3"
TABLE = pa.table({"x": np.random.default_rng(1).lognormal(size=2000), "y": np.arange(2000.0)})
EDGES = {"x": [0.0, 1.0, 2.0]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    with Inside(tmp_path / "first") as made:
        yield made


def widths(client: driftline.Client) -> list[float]:
    """Of the bins of `x`."""
    bins = client.histogram(NAME, "x").to_pylist()[1:-2]
    return [each["upper"] - each["lower"] for each in bins]


@pytest.mark.parametrize("bins", ["quantile", "uniform", EDGES], ids=["quantile", "uniform", "edges"])
def test_without_bins_a_reference_is_cut_as_at_creation_whatever_came_between(
    server: Inside, tmp_path: Path, bins: str | dict[str, list[float]]
) -> None:
    with driftline.connect(server.address) as client:
        client.create_endpoint(NAME, reference=TABLE, bins=bins)
        created = widths(client)
        for other in ("quantile", "uniform", {"x": [0.5, 9.0]}):
            client.set_reference(NAME, reference=TABLE, bins=other)
            assert (widths(client) == created) == (other == bins)
        client.set_reference(NAME, reference=TABLE)
        assert widths(client) == created
        client.set_reference(NAME, reference=TABLE, bins={"x": [0.5, 9.0]})
    with Inside(server.crashed(tmp_path / "second")) as again, driftline.connect(again.address) as client:
        assert widths(client) == [8.5]
        assert client.set_reference(NAME, reference=TABLE).reference_version == 7
        assert widths(client) == created


@pytest.mark.parametrize(
    ("bins", "told"),
    [
        ({"z": [0.0, 1.0]}, "bins names 'z', which the endpoint does not have; it has x, y"),
        ({"x": [1.0, 0.0]}, "edges of column 'x'"),
        ({"word": [0.0, 1.0]}, "takes no edges"),
    ],
    ids=["unknown", "falling", "categorical"],
)
def test_bins_of_a_later_reference_are_looked_at_as_those_of_the_first(
    server: Inside, bins: dict[str, list[float]], told: str
) -> None:
    table = TABLE.append_column("word", pa.array(["a", "b"] * 1000)) if "word" in bins else TABLE
    with driftline.connect(server.address) as client:
        client.create_endpoint(NAME, reference=table)
        with pytest.raises(driftline.InvalidInput, match=told):
            client.set_reference(NAME, reference=table, bins=bins)
        assert client.endpoint(NAME).reference_version == 1
