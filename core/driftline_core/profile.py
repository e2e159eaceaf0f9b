"""What is remembered of one window of one endpoint under one reference: counts, moments, missing columns. It merges."""

from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from driftline_core import kernels

Counts = npt.NDArray[np.int64]

# Layout of `encode`: rows, columns, slots, width of a count in bytes, whether any column was missing; counts, moments, missing.
_HEAD = Struct("<qIIBBxx")
_WIDTHS: dict[int, Any] = {1: np.dtype(np.uint8), 2: np.dtype(np.uint16), 4: np.dtype(np.uint32), 8: np.dtype(np.int64)}


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
    def empty(cls, slots: int, columns: int) -> "Profile":
        """The profile of no rows: the neutral element of `merge`."""
        return cls(0, kernels.new_tally(slots, columns), np.zeros(columns, np.int64))

    def copy(self) -> "Profile":
        """A profile that later changes of this one do not reach, and that can be counted into."""
        tally = kernels.Tally(self.tally.counts.astype(np.int64), self.tally.moments.copy())
        return Profile(self.rows, tally, self.missing.astype(np.int64))

    def merge(self, other: "Profile") -> None:
        """Adds a profile of the same layout."""
        self.rows += other.rows
        kernels.merge(self.tally, other.tally)
        self.missing += other.missing

    def encode(self) -> bytes:
        """The profile as bytes, each count as wide as the largest needs.

        >>> Profile.decode(Profile.empty(4, 1).encode()).tally.counts.tolist()
        [0, 0, 0, 0]
        """
        counts, missing = self.tally.counts, self.missing
        most = int(counts.max(initial=0))
        width = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4 if most < 1 << 32 else 8
        head = _HEAD.pack(self.rows, len(missing), len(counts), width, bool(missing.any()))
        tail = missing.tobytes() if missing.any() else b""
        return b"".join((head, counts.astype(_WIDTHS[width]).tobytes(), self.tally.moments.tobytes(), tail))

    @classmethod
    def decode(cls, data: bytes) -> "Profile":
        """A profile to be read and merged from; to count into it, copy it. Raises ValueError where the bytes are none."""
        try:
            rows, columns, slots, width, has_missing = _HEAD.unpack_from(data)
            counts = np.frombuffer(data, _WIDTHS[width], slots, _HEAD.size)
            at = _HEAD.size + slots * width
            moments = np.frombuffer(data, kernels.MOMENTS, columns, at)
            at += moments.nbytes
            missing = np.frombuffer(data, np.int64, columns, at) if has_missing else np.zeros(columns, np.int64)
        except Exception as error:
            raise ValueError(f"not an encoded profile: {error}") from None
        return cls(rows, kernels.Tally(counts, moments), missing)  # narrower counts read as well
