"""What an endpoint is: its columns, their roles and kinds, and the settings its creator chose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from driftline_core.errors import InvalidInput
from driftline_core.panes import HOUR_US

RESERVED = ("id", "timestamp", "latency", "error")


class Role(StrEnum):
    """What a column is to the model."""

    FEATURE = "feature"
    PREDICTION = "prediction"
    LABEL = "label"
    # How long the answer took: counted beside the others, and in no report of drift.
    LATENCY = "latency"


class Kind(StrEnum):
    """How the values of a column are binned."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Column:
    """A named value of each prediction."""

    name: str
    role: Role
    kind: Kind


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a drift value turns into a status: `value >= potential`, `value >= detected`."""

    potential: float = 0.5
    detected: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.potential <= self.detected <= 1:
            raise InvalidInput(
                f"thresholds ({self.potential}, {self.detected}) are not 0 < potential <= detected <= 1", field="thresholds"
            )


@dataclass(frozen=True, slots=True)
class BinsSpec:
    """How numeric columns are cut: a strategy for all, and edges of their own for some."""

    strategy: str = "quantile"
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """What a creator says of an endpoint; `features` empty means every column of the reference that is nothing else."""

    name: str
    prediction: str = ""
    label: str = ""
    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    bins: BinsSpec = field(default_factory=BinsSpec)
    thresholds: Thresholds = field(default_factory=Thresholds)
    column_thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    reserved: Mapping[str, str] = field(default_factory=dict)
    rows_min: int = 50
    stale_after_us: int = HOUR_US

    def thresholds_of(self, column: str) -> Thresholds:
        """The thresholds that hold for a column."""
        return self.column_thresholds.get(column, self.thresholds)

    def reserved_columns(self) -> dict[str, str]:
        """Reserved names in use, each with the name its column has in this endpoint's batches.

        >>> EndpointSpec("m", reserved={"id": "", "timestamp": "when"}).reserved_columns()
        {'timestamp': 'when', 'latency': 'latency', 'error': 'error'}
        """
        named = {name: self.reserved.get(name, name) for name in RESERVED}
        return {name: column for name, column in named.items() if column}
