"""The only jitted code: Arrow addresses in, integer counts and moments out.

Once per endpoint and reference:  `lookup = build_lookup([Numeric(edges, shift), Categorical(categories), Boolean(), ...])`
Once per pane:                    `tally = empty_tally(lookup)`; tallies merge by plain addition, minima and maxima (`merge`)
Once per engine thread:           `scratch = new_scratch()`
Once per stream:                  `binding = bind(schema, names, lookup)`; at each new dictionary `with_remaps(binding, ...)`
Once per batch:                   `pinned = pin(batch, binding)`, or `places.pin(payload)` where its header is known; then for
                                  each run of rows of one pane
                                  `update(tally, pinned, lookup, scratch=scratch, start=start, stop=stop)`
Once per process, before serving: `warm_up()`
"""

from driftline_core.kernels.arrow import VALUE_TYPES, Binding, PinnedBatch, Places, bind, pin, with_remaps
from driftline_core.kernels.lookup import SLOTS_MAX, Boolean, Categorical, Lookup, Mode, Numeric, build_lookup
from driftline_core.kernels.memory import MOMENTS, Scratch, Tally, empty_tally, merge, new_scratch, new_tally
from driftline_core.kernels.update import update
from driftline_core.kernels.warm import warm_up

__all__ = [
    "MOMENTS",
    "SLOTS_MAX",
    "VALUE_TYPES",
    "Binding",
    "Boolean",
    "Categorical",
    "Lookup",
    "Mode",
    "Numeric",
    "PinnedBatch",
    "Places",
    "Scratch",
    "Tally",
    "bind",
    "build_lookup",
    "empty_tally",
    "merge",
    "new_scratch",
    "new_tally",
    "pin",
    "update",
    "warm_up",
    "with_remaps",
]
