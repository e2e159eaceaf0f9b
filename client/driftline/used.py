"""Which columns of a reference an endpoint uses: the others go as nulls, which take no room, so that names stay known."""

from collections.abc import Callable

import pyarrow as pa

from driftline.columns import RESERVED
from driftline.endpoint import Endpoint
from driftline.names import column_name
from driftline_proto.v1 import endpoint_pb2

IsUsed = Callable[[str], bool]


def used_by_spec(spec: endpoint_pb2.EndpointSpec) -> IsUsed:
    """What an endpoint that is to be created uses: with `features` only those and the roles, never what is excluded or reserved."""
    unused = {column_name(name) for name in (*spec.exclude, *(spec.reserved.get(word, word) for word in RESERVED))}
    features = {column_name(name) for name in spec.features}
    roles = {column_name(name) for name in (spec.prediction, spec.label)}
    return lambda name: column_name(name) not in unused and (not features or column_name(name) in features | roles)


def used_by(endpoint: Endpoint) -> IsUsed:
    """What an endpoint that is there uses."""
    names = {column.name for column in endpoint.columns if column.role != "latency"}
    return lambda name: column_name(name) in names


def only_used(batch: pa.RecordBatch, is_used: IsUsed) -> pa.RecordBatch:
    """The batch, with nulls in place of the columns that are not used.

    >>> only_used(pa.record_batch({"text": ["long"], "age": [30]}), lambda name: name == "age").to_pylist()
    [{'text': None, 'age': 30}]
    """
    names = batch.schema.names
    columns = [column if is_used(name) else pa.nulls(len(column)) for name, column in zip(names, batch.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=names)
