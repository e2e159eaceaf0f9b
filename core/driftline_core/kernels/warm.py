"""Compiling the kernels before the first request."""

import pyarrow as pa

from driftline_core.kernels.arrow import bind, pin, read_addresses
from driftline_core.kernels.cells import linear_cells, log_cells
from driftline_core.kernels.lookup import Numeric, build_lookup
from driftline_core.kernels.memory import empty_tally, new_scratch
from driftline_core.kernels.update import update, update_columns


def warm_up() -> None:
    """Compile every kernel, or load it from disk: 5 seconds once on a machine, half a second afterwards.

    From then on arguments of other types (a read-only array, say) are refused with TypeError instead of compiled for.
    """
    # The second column is one for the logarithmic grid.
    lookup = build_lookup([Numeric([0.0, 1.0, 2.0]), Numeric([0.0, 1.0, 2.0, 1e9, 1e10])])
    batch = pa.record_batch({"x": [0.5], "y": [0.5]})
    pinned = pin(batch, bind(batch.schema, ["x", "y"], lookup))
    update(empty_tally(lookup), pinned, lookup, scratch=new_scratch(), start=0, stop=1)
    for kernel in (linear_cells, log_cells, read_addresses, update_columns):
        kernel.disable_compile()
