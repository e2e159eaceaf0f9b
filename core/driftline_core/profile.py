"""What is remembered of one window of one endpoint under one reference: counts, moments, missing columns. It merges."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from driftline_core import kernels

Counts = npt.NDArray[np.int64]


@dataclass(slots=True)
class Profile:
    """Integer counts over the slots of a layout, which add up the same however a stream is split.

    tally    counts and moments of every column, as kernels keep them
    missing  int64[D]: rows of batches that lacked the column
    """

    rows: int
    tally: kernels.Tally
    missing: Counts

    @classmethod
    def empty(cls, lookup: kernels.Lookup) -> "Profile":
        """The profile of no rows: the neutral element of `merge`."""
        return cls(0, kernels.empty_tally(lookup), np.zeros(len(lookup.columns), np.int64))

    def copy(self) -> "Profile":
        """A profile that later changes of this one do not reach."""
        return Profile(self.rows, kernels.Tally(self.tally.counts.copy(), self.tally.moments.copy()), self.missing.copy())

    def merge(self, other: "Profile") -> None:
        """Adds a profile of the same layout."""
        self.rows += other.rows
        kernels.merge(self.tally, other.tally)
        self.missing += other.missing
