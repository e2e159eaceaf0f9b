"""What the server said an endpoint wants: its columns by role and kind, the reserved names, the limits of a batch."""

from dataclasses import dataclass

from driftline.endpoint import column_from
from driftline_proto.v1 import ingest_pb2


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of an endpoint, as Opened told them. `reserved` gives the column of each reserved name in use."""

    uid: str
    features: tuple[str, ...]
    prediction: str | None
    label: str | None
    kinds: dict[str, str]
    reserved: dict[str, str]
    level: int
    payload_bytes_max: int
    rows_max: int

    def column(self, role: str) -> str | None:
        """The column that a value given beside the features goes to; None where the endpoint has none."""
        return {"prediction": self.prediction, "label": self.label}.get(role) or self.reserved.get(role)

    def kind(self, role: str) -> str:
        """The kind of such a column: for a reserved one its own name."""
        name = {"prediction": self.prediction, "label": self.label}.get(role)
        return self.kinds[name] if name else role


def shape_from(message: ingest_pb2.Opened) -> Shape:
    """The shape in a wire message."""
    columns = [column_from(column) for column in message.columns]
    by_role = {column.role: column.name for column in columns}
    return Shape(
        uid=message.endpoint_uid,
        features=tuple(column.name for column in columns if column.role == "feature"),
        prediction=by_role.get("prediction"),
        label=by_role.get("label"),
        kinds={column.name: column.kind for column in columns},
        reserved=dict(message.reserved),
        level=message.level,
        payload_bytes_max=message.payload_bytes_max or 4 * 2**20,
        rows_max=message.rows_max or 65_536,
    )
