"""Where the counts of each column lie: an endpoint's columns, their bins, and the search tables made of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from driftline_core import kernels
from driftline_core.binning import Bins, BooleanBins, CategoricalBins, NumericBins
from driftline_core.errors import NotFound
from driftline_core.profile import Counts, Profile
from driftline_core.schema import Column


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of an endpoint in order, each with its bins; column c's slots begin at `starts[c]` of a profile's counts."""

    columns: tuple[Column, ...]
    bins: tuple[Bins, ...]
    starts: tuple[int, ...]
    lookup: kernels.Lookup

    @classmethod
    def of(cls, columns: Sequence[Column], bins: Sequence[Bins], shifts: Sequence[float]) -> "Layout":
        """The layout of columns; `shifts` are the reference's means, about which moments are summed."""
        starts = np.cumsum([0, *(each.slots for each in bins)])[:-1]
        lookup = kernels.build_lookup([_searched(each, shift) for each, shift in zip(bins, shifts, strict=True)])
        return cls(tuple(columns), tuple(bins), tuple(starts.tolist()), lookup)

    def index(self, name: str) -> int:
        """Position of a column; raises NotFound."""
        for index, column in enumerate(self.columns):
            if column.name == name:
                return index
        raise NotFound(f"no column {name!r}; there are {', '.join(column.name for column in self.columns)}", field="column")

    def counts(self, profile: Profile, index: int) -> Counts:
        """A column's counts by slot, a view of the profile's."""
        start = self.starts[index]
        return profile.tally.counts[start : start + self.bins[index].slots]


def _searched(bins: Bins, shift: float) -> kernels.Numeric | kernels.Categorical | kernels.Boolean:
    match bins:
        case NumericBins():
            return kernels.Numeric(bins.edges, shift)
        case CategoricalBins():
            return kernels.Categorical(len(bins.categories))
        case BooleanBins():
            return kernels.Boolean()
