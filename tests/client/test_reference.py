"""What a reference's columns are: those of the frame, and neither its index nor what Arrow cannot take and nobody uses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from driftline.client import _names
from driftline.errors import InvalidInput
from driftline.reference import reader_of
from driftline.request import request_of
from driftline.used import used_by_spec
from driftline_proto.v1 import endpoint_pb2

pd = pytest.importorskip("pandas", reason="pandas is no dependency of the client")

FRAME = pd.DataFrame({"x": np.arange(6.0), "k": list("abcabc")})
FRAMES = {
    "range": FRAME,
    "shuffled": FRAME.sample(frac=1, random_state=1),
    "filtered": FRAME[FRAME.x != 2],
    "named": FRAME.set_index(pd.Index(range(6), name="row")),
    "two levels": FRAME.set_index([pd.Index(range(6)), pd.Index(range(6), name="row")]),
}
NAMELESS = {name: FRAMES[name] for name in ("range", "shuffled", "filtered")}


def read(reference: Any, *unused: str) -> pa.Table:
    return reader_of(reference, lambda name: name not in unused).read_all()


def written(table: pa.Table, folder: Path) -> Path:
    pq.write_table(table, folder / "written.parquet")
    return folder / "written.parquet"


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_the_index_of_a_frame_is_no_column(frame: Any) -> None:
    assert read(frame).to_pydict() == {"x": frame.x.tolist(), "k": frame.k.tolist()}


SOURCES: dict[str, Callable[[pa.Table, Path], Any]] = {
    "table": lambda table, _: table,
    "batch": lambda table, _: table.combine_chunks().to_batches()[0],
    "reader": lambda table, _: table.to_reader(),
    "file": written,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("frame", NAMELESS.values(), ids=NAMELESS)
def test_an_index_without_a_name_that_pandas_wrote_is_no_column(
    frame: Any, source: Callable[[pa.Table, Path], Any], tmp_path: Path
) -> None:
    assert read(source(pa.Table.from_pandas(frame), tmp_path)).to_pydict() == {"x": frame.x.tolist(), "k": frame.k.tolist()}


def test_a_column_that_somebody_named_as_pandas_does_stays() -> None:
    table = pa.table({"__index_level_0__": [1.0]})
    assert read(table) == table


def test_names_are_those_of_the_rows_that_are_logged() -> None:
    frame = pd.DataFrame({("a", 1): [1.0], ("b", 2): [2.0]}).sample(frac=1)
    assert read(frame).schema.names == ["('a', '1')", "('b', '2')"]


TAKEN = {
    "mixed": (["a", 1], ["a", "1"]),
    "sparse": (pd.arrays.SparseArray([0.0, 1.0]), [0.0, 1.0]),
    "long": (np.array([1, 2], np.longdouble), [1.0, 2.0]),
    "large": ([2**70, 1], [str(2**70), "1"]),
    "categories": (pd.Categorical([1, "a"]), ["1", "a"]),
}


@pytest.mark.parametrize(("values", "taken"), TAKEN.values(), ids=TAKEN)
def test_a_column_that_arrow_alone_would_not_take_is_taken_as_log_batch_does(values: Any, taken: list[Any]) -> None:
    assert read(pd.DataFrame({"x": values}))["x"].to_pylist() == taken


CIRCULAR: list[Any] = []
CIRCULAR.append(CIRCULAR)
UNKNOWN = {
    "complex": ([1j, 2j], "is of type complex128, which Arrow cannot take (complex numbers)"),
    "circular": (pd.Series([CIRCULAR, None]), "cannot be sent: list [[...]] is no category; give a string, a number or a boolean"),
}


@pytest.mark.parametrize(("values", "told"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_column_that_arrow_cannot_take_is_named_and_can_be_left_out(values: Any, told: str) -> None:
    frame = pd.DataFrame({"x": values, "y": [1, 2]})
    with pytest.raises(InvalidInput) as refused:
        read(frame)
    assert str(refused.value).startswith(f"reference: column 'x' {told}")
    assert str(refused.value).endswith("or leave it out where the endpoint is created (exclude=['x'])")
    assert read(frame, "x").to_pydict() == {"x": [None, None], "y": [1, 2]}


def test_a_name_with_half_of_a_surrogate_pair_can_be_left_out() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=pd.Index(["\ud800", "y"], dtype=object))
    spec = request_of(endpoint_pb2.EndpointSpec, exclude=_names(["\ud800"], "exclude"))
    assert reader_of(frame, used_by_spec(spec)).read_all().to_pydict() == {r"\ud800": [None], "y": [2.0]}


@dataclass(frozen=True)
class Series:
    """A column of polars, as far as it is looked at: one of 128-bit integers is none that Arrow knows."""

    name: str
    values: pa.Array

    @property
    def dtype(self) -> str:
        return "Int128"

    def __len__(self) -> int:
        return len(self.values)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        if self.name == "x":
            raise pa.ArrowInvalid("Invalid or unsupported format string: '_pli128'")
        return pa.chunked_array([self.values]).__arrow_c_stream__(requested_schema)


class Frame:
    """A DataFrame of polars, as far as it is looked at."""

    def get_columns(self) -> list[Series]:
        return [Series("x", pa.array([1, 2])), Series("y", pa.array([3, 4]))]


def test_a_column_of_polars_that_arrow_cannot_take_is_named_and_can_be_left_out() -> None:
    with pytest.raises(InvalidInput, match=r"column 'x' is of type Int128, .* leave it out .* \(exclude=\['x'\]\)"):
        read(Frame())
    assert read(Frame(), "x").to_pydict() == {"x": [None, None], "y": [3, 4]}
