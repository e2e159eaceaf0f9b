"""Where a column's values lie in a batch, as kernels read it."""

from enum import IntEnum

import numpy as np


class ValueType(IntEnum):
    """What lies at an address: values, dictionary codes, or bits."""

    FLOAT64 = 0
    FLOAT32 = 1
    INT64 = 2
    INT32 = 3
    INT16 = 4
    INT8 = 5
    UINT64 = 6
    UINT32 = 7
    UINT16 = 8
    UINT8 = 9
    BIT = 10


ABSENT = -1

SOURCE = np.dtype(
    [
        # Set once for a stream's schema:
        ("child", np.int64),  # the column's position in the batch, or ABSENT
        ("type", np.int64),  # ValueType
        ("remap_at", np.int64),  # where its dictionary's slots begin in the remap
        ("entries", np.int64),  # how many entries it has; ABSENT where the column is no dictionary
        ("null", np.int64),  # the slot that follows those of the entries in the remap, for null codes
        # Set for each batch:
        ("values", np.int64),  # addresses; 0 for a column that is absent
        ("validity", np.int64),  # 0 where no value is null
        ("offset", np.int64),  # row 0, counted in values and bits
    ]
)
