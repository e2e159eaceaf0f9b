"""What goes wrong in the demo: a broken pipeline in front of a model that is fine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Fault:
    """A column that is sent wrongly from some minute of the incident on. `words` complete "from now on ..."."""

    column: str
    words: str
    from_minute: int
    distort: "Callable[[pa.Table], pa.Table]"


def ages_in_months(rows: "pa.Table") -> "pa.Table":
    """AGEP twelve times as large: an unbroken promise of the type, float64, and wrong in every row."""
    import pyarrow.compute as pc

    return _replaced(rows, "AGEP", pc.multiply(rows["AGEP"], 12.0))


def never_married_not_sent(rows: "pa.Table") -> "pa.Table":
    """MAR without its most frequent category, "5" (never married): null in its place."""
    import pyarrow as pa
    import pyarrow.compute as pc

    codes = pc.cast(rows["MAR"], pa.string())
    return _replaced(rows, "MAR", pc.if_else(pc.equal(codes, "5"), pa.scalar(None, pa.string()), codes))


FAULTS = (
    Fault("AGEP", "ages come in months", 0, ages_in_months),
    Fault("MAR", "'never married' is no longer sent", 50, never_married_not_sent),
)


def faults_at(minute: int) -> tuple[Fault, ...]:
    """The faults at work `minute` minutes into the incident."""
    return tuple(fault for fault in FAULTS if minute >= fault.from_minute)


def distorted(rows: "pa.Table", faults: tuple[Fault, ...]) -> "pa.Table":
    """The rows as the broken pipeline sends them."""
    for fault in faults:
        rows = fault.distort(rows)
    return rows


def _replaced(rows: "pa.Table", column: str, values: "pa.ChunkedArray") -> "pa.Table":
    return rows.set_column(rows.schema.get_field_index(column), column, values)
