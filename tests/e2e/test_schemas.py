"""What a declared schema may hold: names, types, and what happens to columns that are missing, unknown, retyped or reordered."""

import datetime
import decimal

import grpc
import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.failure import failing
from tests.e2e.push import PushClient, payload_of, schema_of
from tests.e2e.server import Server
from tests.e2e.watched import PLAIN, SCHEMA, Watched, create, sample, says

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT.value[0]

BAD_NAMES = {
    "": "has an empty name",
    "x" * 2048: "longer than 256 bytes",
    "é" * 129: "longer than 256 bytes",
    "nul\0": "control character",
    "line\nfeed": "control character",
    "escape\x1b[31m": "control character",
    "right\u202eleft": "control character",
    "\u2066isolated": "control character",
}


@pytest.mark.parametrize(("name", "wrong"), BAD_NAMES.items(), ids=ascii)
def test_a_bad_column_name_is_refused_by_name(server: Server, name: str, wrong: str) -> None:
    with Watched(server) as watched:
        watched.good()
        refused = watched.stream.open(watched.name, pa.schema([*PLAIN, (name, pa.float64())]), number=9).refused
        assert [each.code for each in refused] == [INVALID_ARGUMENT]
        assert says(refused[0].reason, wrong, "give it")
        assert refused[0].reason.isprintable()
        assert refused[0].field.isprintable()
        watched.good()
        with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
            create(server, pa.record_batch([pa.array([1.0]), pa.array([2.0])], names=["amount", name]))
        assert failure.message == refused[0].reason


def test_a_column_that_stands_twice_is_refused_and_so_are_two_spellings_of_one_name(server: Server) -> None:
    with Watched(server) as watched:
        for name, twin in (("amount", "amount"), ("caf\u00e9", "cafe\u0301")):
            twice = pa.schema([(name, pa.float64()), (twin, pa.float64())])
            refused = watched.stream.open(watched.name, twice, number=9).refused
            assert (refused[-1].code, refused[-1].field) == (INVALID_ARGUMENT, name)
            assert says(refused[-1].reason, "stands twice", "give each its own")


def test_names_that_differ_in_normal_form_only_are_one_column(server: Server) -> None:
    reference = pa.record_batch({"caf\u00e9": np.arange(100.0)})
    with Watched(server, reference=reference) as watched:
        watched.stream.open(watched.name, pa.schema([("cafe\u0301", pa.float64())]), number=1)
        watched.push(reference, payload_of(reference.rename_columns(["cafe\u0301"])))


def test_a_right_to_left_name_is_a_name(server: Server) -> None:
    with Watched(server, reference=pa.record_batch({"عمر": np.arange(100.0)})) as watched:
        watched.push(pa.record_batch({"عمر": np.arange(50.0)}))


def test_a_name_that_is_no_utf8_is_refused(server: Server) -> None:
    forged = schema_of(pa.schema([("amount", pa.float64())])).replace(b"amount", b"amo\xffnt")
    with Watched(server) as watched:
        refused = watched.stream.open(watched.name, forged, number=9).refused
        assert [(each.code, each.field) for each in refused] == [(INVALID_ARGUMENT, "schema")]
        assert says(refused[0].reason, "UTF-8|utf-8")
        watched.good()


def test_a_schema_that_is_none_is_refused(server: Server) -> None:
    good = schema_of(PLAIN)
    batch = payload_of(sample(5, seed=1, schema=PLAIN))
    with Watched(server) as watched:
        watched.good()
        for bytes_ in (b"\0", b"schema", good[:-8], good + good, batch, good[:8] + bytes(len(good) - 8), b"ARROW1\0\0" + good):
            refused = watched.stream.open(watched.name, bytes_, number=9).refused
            assert (refused[-1].code, refused[-1].field) == (INVALID_ARGUMENT, "schema"), bytes_
            assert refused[-1].reason
        watched.good()


def test_too_many_columns_are_refused(server: Server) -> None:
    wide = pa.schema([(f"c{index}", pa.null()) for index in range(4097)])
    with Watched(server) as watched:
        refused = watched.stream.open(watched.name, wide, number=9).refused
        assert [(each.code, each.field) for each in refused] == [(INVALID_ARGUMENT, "schema")]
        assert says(refused[0].reason, "4097 columns are more than the 4096")


DAY = datetime.date(2026, 1, 2)
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)

TAKEN_AS_NUMBERS = {
    "float16": pa.array(np.array([1, 2.5, 60000, np.nan], np.float16)),
    "float32": pa.array([1, 2.5, None, float("inf")], pa.float32()),
    "float64": pa.array([1, 2.5, None, 1e308], pa.float64()),
    "int8": pa.array([-128, 127, None], pa.int8()),
    "int16": pa.array([-(2**15), 2**15 - 1, None], pa.int16()),
    "int32": pa.array([-(2**31), 2**31 - 1, None], pa.int32()),
    "int64": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
    "uint8": pa.array([0, 255, None], pa.uint8()),
    "uint16": pa.array([0, 2**16 - 1, None], pa.uint16()),
    "uint32": pa.array([0, 2**32 - 1, None], pa.uint32()),
    "uint64": pa.array([0, 2**53 + 1, 2**64 - 1, None], pa.uint64()),
    "bool": pa.array([True, False, None]),
    "null": pa.nulls(3),
    "decimal32": pa.array([decimal.Decimal("1.50"), None], pa.decimal32(7, 2)),
    "decimal64": pa.array([decimal.Decimal("1.50"), None], pa.decimal64(15, 2)),
    "decimal128": pa.array([decimal.Decimal("1.50"), decimal.Decimal(10) ** 35, None], pa.decimal128(38, 2)),
    "decimal256": pa.array([decimal.Decimal("1.50"), None], pa.decimal256(76, 2)),
    "dictionary<double>": pa.array([50.0, 70.0, None, 50.0]).dictionary_encode(),
    "dictionary<int64>": pa.array([50, 70, None, 50]).dictionary_encode(),
}
NO_NUMBERS = {
    "string": pa.array(["1", None]),
    "large_string": pa.array(["1"], pa.large_string()),
    "string_view": pa.array(["1"], pa.string_view()),
    "binary": pa.array([b"1"]),
    "fixed_size_binary": pa.array([b"12"], pa.binary(2)),
    "dictionary<string>": pa.array(["1"]).dictionary_encode(),
    "date32": pa.array([DAY]),
    "date64": pa.array([DAY], pa.date64()),
    "time32": pa.array([5], pa.time32("s")),
    "time64": pa.array([5], pa.time64("us")),
    "timestamp": pa.array([NOON]),
    "duration": pa.array([5], pa.duration("s")),
    "interval": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "list": pa.array([[1.0]]),
    "large_list": pa.array([[1.0]], pa.large_list(pa.float64())),
    "list_view": pa.array([[1.0]], pa.list_view(pa.float64())),
    "fixed_size_list": pa.array([[1.0]], pa.list_(pa.float64(), 1)),
    "struct": pa.array([{"a": 1.0}]),
    "map": pa.array([[("a", 1.0)]], pa.map_(pa.string(), pa.float64())),
    "union": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1.0])]),
    "run_end_encoded": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array([1.0])),
    "extension": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
}
TAKEN_AS_CATEGORIES = {
    "string": pa.array(["DE", "xx", "", "null", "other", None]),
    "large_string": pa.array(["DE", "xx", None], pa.large_string()),
    "string_view": pa.array(["DE", "a string longer than twelve bytes", None], pa.string_view()),
    "dictionary<int8, string>": pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), pa.array(["DE"])),
    "dictionary<uint64, string>": pa.DictionaryArray.from_arrays(pa.array([0, None], pa.uint64()), pa.array(["DE"])),
    "dictionary<int32, large_string>": pa.DictionaryArray.from_arrays(
        pa.array([0, None], pa.int32()), pa.array(["DE"], pa.large_string())
    ),
    "dictionary<int32, string_view>": pa.DictionaryArray.from_arrays(
        pa.array([0, None], pa.int32()), pa.array(["DE"], pa.string_view())
    ),
    "int64": pa.array([7, -7, None]),
    "float64": pa.array([7.0, 2.5, -0.0, float("nan"), None]),
    "bool": pa.array([True, None]),
    "null": pa.nulls(3),
    "dictionary<int64>": pa.array([7, 8, 7, None]).dictionary_encode(),
}
NO_CATEGORIES = {name: array for name, array in NO_NUMBERS.items() if "string" not in name}


@pytest.mark.parametrize(
    ("column", "array"),
    [("amount", array) for array in TAKEN_AS_NUMBERS.values()] + [("country", array) for array in TAKEN_AS_CATEGORIES.values()],
    ids=[f"numeric-{name}" for name in TAKEN_AS_NUMBERS] + [f"categorical-{name}" for name in TAKEN_AS_CATEGORIES],
)
def test_every_type_that_has_a_meaning_is_counted(server: Server, column: str, array: pa.Array) -> None:
    with Watched(server, wire=pa.schema([(column, array.type)])) as watched:
        assert watched.handle.opened
        watched.push(pa.record_batch({column: array}))
        watched.push(pa.record_batch({column: array.slice(1)}))


@pytest.mark.parametrize(
    ("column", "array"),
    [("amount", array) for array in NO_NUMBERS.values()] + [("country", array) for array in NO_CATEGORIES.values()],
    ids=[f"numeric-{name}" for name in NO_NUMBERS] + [f"categorical-{name}" for name in NO_CATEGORIES],
)
def test_every_other_type_is_refused_by_name_and_with_a_remedy(server: Server, column: str, array: pa.Array) -> None:
    with Watched(server) as watched:
        watched.good()
        refused = watched.stream.open(watched.name, pa.schema([(column, array.type)]), number=9).refused
        assert [(each.code, each.field) for each in refused] == [(INVALID_ARGUMENT, column)]
        assert says(refused[0].reason, f"column '{column}' is ", "cast it before sending|leave it out")
        watched.good()


@pytest.mark.parametrize(
    "array", [NO_NUMBERS[name] for name in NO_NUMBERS if "string" not in name], ids=lambda array: str(array.type)
)
def test_a_type_without_bins_is_refused_as_a_feature_and_may_be_left_out(server: Server, array: pa.Array) -> None:
    reference = pa.record_batch({"odd": array, "plain": pa.array([1.0])})
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
        create(server, reference)
    assert failure.fields == ("odd",)
    assert says(failure.message, "column 'odd' is ", r"exclude=\['odd'\]|leave it out")


def test_flat_columns_the_endpoint_does_not_know_are_ignored_whatever_their_type(server: Server) -> None:
    flat = {
        "when": NO_NUMBERS["date32"],
        "note": pa.array([b"x"]),
        "span": NO_NUMBERS["duration"],
        "view": NO_NUMBERS["string_view"],
    }
    batch = pa.record_batch(flat | {"amount": pa.array([100.0])})
    with Watched(server, wire=batch.schema) as watched:
        watched.push(batch)


def test_the_notes_of_an_open_tell_once_what_is_missing_and_ignored(server: Server) -> None:
    wire = pa.schema([("score", pa.float64()), ("extra", pa.int8()), ("amount", pa.float32()), ("timestamp", pa.int64())])
    with Watched(server, wire=wire) as watched:
        assert list(watched.handle.opened.notes) == [
            "column 'clicks' is not in the batches; its rows count as missing",
            "column 'country' is not in the batches; its rows count as missing",
            "column 'known' is not in the batches; its rows count as missing",
            "column 'extra' is not known to the endpoint and is ignored",
        ]


def test_a_schema_may_change_in_the_middle_of_a_stream(server: Server) -> None:
    renamed = pa.schema([("unknown", pa.float64()), *(field for field in SCHEMA if field.name != "amount")])
    changes = {
        "missing": SCHEMA.remove(0),
        "extra": SCHEMA.insert(0, pa.field("extra", pa.int64())),
        "retyped": SCHEMA.set(0, pa.field("amount", pa.float32())).set(2, pa.field("country", pa.large_string())),
        "reordered": pa.schema([SCHEMA.field(index) for index in (4, 2, 0, 3, 1)]),
        "renamed": renamed,
        "as it was": SCHEMA,
    }
    with Watched(server) as watched:
        for seed, wire in enumerate(changes.values()):
            watched.good(seed=seed)
            watched.stream.settle()
            sent = watched.handle.sent
            handle = watched.stream.open(watched.name, wire, number=watched.handle.number)
            assert handle.opened.last_sequence == sent
            watched.push(_as(sample(60, seed), wire))
            watched.stream.open(watched.name, SCHEMA, number=watched.handle.number)


def test_an_unsent_redeclaration_is_told_as_another_schema(server: Server) -> None:
    batch = sample(20, seed=3)
    with Watched(server, wire=PLAIN) as watched:
        assert {field for field, _ in watched.bad(payload_of(batch), payload_of(batch.select(["amount"])))} == {"payload"}


def test_a_schema_that_does_not_fit_closes_the_handle_until_it_is_opened_again(server: Server) -> None:
    with Watched(server) as watched:
        watched.good()
        watched.stream.settle()
        wrong = SCHEMA.set(0, pa.field("amount", pa.string()))
        watched.stream.open(watched.name, wrong, number=watched.handle.number)
        assert [(each.code, each.field) for each in watched.handle.refused] == [(INVALID_ARGUMENT, "amount")]
        watched.stream.batch(watched.handle, watched.handle.sent + 1, payload_of(sample(20, seed=3)))
        watched.handle.refused.clear()
        handle = watched.stream.open(watched.name, SCHEMA, number=watched.handle.number)
        assert handle.opened.last_sequence == 1
        watched.good()


def test_an_open_without_a_schema_only_asks(server: Server) -> None:
    with Watched(server) as watched:
        handle = watched.stream.open(watched.name, b"", number=9)
        assert [column.name for column in handle.opened.columns] == SCHEMA.names
        watched.stream.batch(handle, 1, payload_of(sample(20, seed=3)))
        watched.stream.until(lambda: bool(handle.refused))
        assert [(each.code, each.field) for each in handle.refused] == [(INVALID_ARGUMENT, "schema")]
        assert says(handle.refused[0].reason, "without a schema", "open it again with one")
        watched.good()


def test_declared_types_never_read_memory_they_do_not_own(server: Server) -> None:
    """Every schema against the payload of every other: refused or counted, never a crash."""
    arrays = [*TAKEN_AS_NUMBERS.values(), *TAKEN_AS_CATEGORIES.values()]
    payloads = [payload_of(pa.record_batch({"amount": array})) for array in arrays]
    reference = pa.record_batch({"amount": pa.array([1.0, 2.0, 3.0])})
    names = [
        create(server, reference).endpoint.name,
        create(server, pa.record_batch({"amount": pa.array(["DE", "7"])})).endpoint.name,
        create(server, pa.record_batch({"amount": pa.array([True, False])})).endpoint.name,
    ]
    with PushClient(server.ingest) as stream:
        for name in names:
            for declared in arrays:
                handle = stream.open(name, pa.schema([("amount", declared.type)]))
                if not handle.refused:
                    stream.push(handle, *payloads)
        stream.settle()
        assert sum(handle.acknowledged for handle in stream.handles.values()) > 1000


def _as(batch: pa.RecordBatch, wire: pa.Schema) -> pa.RecordBatch:
    """The columns of a batch in another schema; columns it does not have are zeros."""
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.array([0] * batch.num_rows, field.type)
        for field in wire
    ]
    return pa.record_batch(columns, schema=wire)
