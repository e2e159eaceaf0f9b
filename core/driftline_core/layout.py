"""Where the counts of each column lie: an endpoint's columns, their bins, and the search tables made of them."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from driftline_core import kernels
from driftline_core.binning import Bins, BooleanBins, CategoricalBins, NumericBins
from driftline_core.errors import NotFound
from driftline_core.profile import Counts, Profile
from driftline_core.schema import Column, Role

LOOKUP_BYTES_MAX = 64 * 1024 * 1024


class LookupCache:
    """The search tables of the layouts in use, the most recently used ones; past `bytes_max` the idlest are made anew when wanted.

    Several threads may share one: at worst a table is made twice.
    """

    def __init__(self, bytes_max: int = LOOKUP_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._kept: OrderedDict[int, tuple[Layout, kernels.Lookup]] = OrderedDict()

    def get(self, layout: "Layout") -> kernels.Lookup:
        """The tables of a layout."""
        key = id(layout)
        found = self._kept.pop(key, None)
        if found is None:
            found = (layout, layout.build_lookup())
            self._make_room(_size_bytes(found[1]))
        self._kept[key] = found
        return found[1]

    def _make_room(self, wanted_bytes: int) -> None:
        held_bytes = sum(_size_bytes(lookup) for _, lookup in list(self._kept.values()))
        while self._kept and held_bytes + wanted_bytes > self._bytes_max:
            _, (_, dropped) = self._kept.popitem(last=False)
            held_bytes -= _size_bytes(dropped)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of an endpoint in order, each with its bins; column c's slots begin at `starts[c]` of a profile's counts.

    `shifts` are the reference's means, about which moments are summed.
    """

    columns: tuple[Column, ...]
    bins: tuple[Bins, ...]
    shifts: tuple[float, ...]
    starts: tuple[int, ...]
    slots: int
    cache: LookupCache = field(repr=False)

    @classmethod
    def of(
        cls, columns: Sequence[Column], bins: Sequence[Bins], shifts: Sequence[float], cache: LookupCache | None = None
    ) -> "Layout":
        """The layout of columns; layouts that share a cache share its memory."""
        starts = np.cumsum([0, *(each.slots for each in bins)]).tolist()
        return cls(tuple(columns), tuple(bins), tuple(shifts), tuple(starts[:-1]), starts[-1], cache or LookupCache())

    @property
    def lookup(self) -> kernels.Lookup:
        """The search tables."""
        return self.cache.get(self)

    def build_lookup(self) -> kernels.Lookup:
        """The search tables, made anew."""
        return kernels.build_lookup([_searched(each, shift) for each, shift in zip(self.bins, self.shifts, strict=True)])

    def empty(self) -> Profile:
        """The profile of no rows."""
        return Profile.empty(self.slots, len(self.columns))

    def index(self, name: str) -> int:
        """Position of a column; raises NotFound."""
        for index, column in enumerate(self.columns):
            if column.name == name:
                return index
        raise NotFound(f"no column {name!r}; there are {', '.join(column.name for column in self.columns)}", field="column")

    def index_of_role(self, role: Role) -> int | None:
        """Position of the first column of a role."""
        return next((index for index, column in enumerate(self.columns) if column.role is role), None)

    def counts(self, profile: Profile, index: int) -> Counts:
        """A column's counts by slot, a view of the profile's."""
        start = self.starts[index]
        return profile.tally.counts[start : start + self.bins[index].slots]


def _size_bytes(lookup: kernels.Lookup) -> int:
    return lookup.columns.nbytes + lookup.cell_start.nbytes + lookup.thresholds.nbytes


def _searched(bins: Bins, shift: float) -> kernels.Numeric | kernels.Categorical | kernels.Boolean:
    match bins:
        case NumericBins():
            return kernels.Numeric(bins.edges, shift)
        case CategoricalBins():
            return kernels.Categorical(len(bins.categories))
        case BooleanBins():
            return kernels.Boolean()
