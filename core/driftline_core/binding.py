"""How the batches of one declared schema are counted by one layout: which column feeds which, cast how, ordered by what time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from driftline_core import kernels
from driftline_core.binning import Bins, CategoricalBins
from driftline_core.coercion import Cast, as_string, cast_for, require_flat
from driftline_core.errors import InvalidInput
from driftline_core.layout import Layout
from driftline_core.names import column_names
from driftline_core.panes import MINUTE_US, Micros
from driftline_core.payload import LastHeader
from driftline_core.profile import Counts, Profile
from driftline_core.schema import Role
from driftline_core.times import check_times, times_us

_CELL_BYTES = 8
_NAMES_MAX = 10  # that an error lists
_REMEMBERED_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bound:
    """A batch ready to be counted; `times_us` are event times in rising order of minutes, None where the arrival time holds."""

    rows: int
    pinned: kernels.PinnedBatch
    lookup: kernels.Lookup
    absent: Counts
    times_us: Micros | None

    def spans(self, width_us: int) -> int:
        """How many spans of event time its rows fall into, about: each costs its counting a fixed time."""
        times_us = self.times_us
        if times_us is None or times_us[0] // width_us == times_us[-1] // width_us:
            return 1  # as of nearly all that comes live
        return 1 + int(np.count_nonzero(np.diff(times_us // width_us)))

    def add_to(self, profile: Profile, start: int, stop: int, scratch: kernels.Scratch) -> None:
        """Counts rows [start, stop) into a profile of the same layout."""
        kernels.update(profile.tally, self.pinned, self.lookup, scratch=scratch, start=start, stop=stop)
        profile.rows += stop - start
        profile.missing += self.absent * (stop - start)


@dataclass(slots=True)
class Plan:
    """Made once for each declared schema; remembers the last dictionaries, which rarely change from batch to batch."""

    layout: Layout
    notes: tuple[str, ...]
    _sources: tuple[tuple[int, Cast | None], ...] | None  # None: batches are read as they come
    _time: int | None
    _absent: Counts
    _binding: kernels.Binding
    _dictionary_fields: dict[int, int]  # place in the layout → position in the batch that kernels read
    _says_nothing: str  # why no batch of the schema can be counted; empty where one can
    _dictionaries: dict[int, pa.Array] = field(default_factory=dict)
    _repeats: "Repeats | None" = None  # None: what a batch holds must be looked at each time

    @classmethod
    def of(cls, schema: pa.Schema, layout: Layout, reserved: Mapping[str, str]) -> "Plan":
        """The plan for a schema; `reserved` maps reserved names to their columns in the batches.

        Raises InvalidInput, naming the column, where names are bad or stand twice, or a type does not fit the column's kind.
        """
        names = column_names(schema.names)
        for name, arrow in zip(names, schema.types, strict=True):
            require_flat(arrow, name)
        at = {name: index for index, name in enumerate(names)}
        present = [column for column in layout.columns if column.name in at]
        sources = [(at[c.name], cast_for(schema.field(at[c.name]).type, c.kind, c.name)) for c in present]
        time = at.get(reserved.get("timestamp", ""))
        if time is not None:
            check_times(schema.field(time).type, names[time])
        cast_any = any(cast for _, cast in sources)
        if cast_any:
            ready = [(c.name, _ready_type(schema.field(i).type, cast)) for c, (i, cast) in zip(present, sources, strict=True)]
        else:
            ready = list(zip(names, schema.types, strict=True))
        position = {name: index for index, (name, _) in enumerate(ready)}
        binding = kernels.bind(pa.schema(ready), [column.name for column in layout.columns], layout.lookup)
        return cls(
            layout,
            _notes(at, layout, reserved),
            tuple(sources) if cast_any else None,
            time,
            np.array([column.name not in at for column in layout.columns], np.int64),
            binding,
            {place: position[layout.columns[place].name] for place in binding.dictionaries},
            "" if present or at.keys() & set(reserved.values()) else _no_column(names, layout),
            _repeats=None if cast_any or time is not None or not _is_plain(schema) else Repeats(),
        )

    def require_said(self, batch: pa.RecordBatch) -> None:
        """Raises InvalidInput for a batch that says nothing: without rows, or without any column of the endpoint or reserved one.

        Asked of what comes, and not by `bind`: what was admitted before this was asked is counted again at each replay.
        """
        if not batch.num_rows:
            raise InvalidInput("the batch has no rows; send only batches that have some", field="payload")
        if self._says_nothing:
            raise InvalidInput(self._says_nothing, field="schema")

    def bind(self, batch: pa.RecordBatch, arrival_us: int) -> Bound:
        """A fully validated batch of the declared schema, ready to be counted. Raises InvalidInput where a cast fails.

        Rows without an event time get the arrival time; where event times are out of order, rows are sorted by minute.
        """
        times = None
        if self._time is not None:
            times = times_us(batch.column(self._time), arrival_us)
        ready = self._cast(batch) if self._sources else batch
        if times is not None:
            minutes = times // MINUTE_US
            if (minutes[1:] < minutes[:-1]).any():
                order = np.argsort(minutes, kind="stable")
                ready, times = self._ordered(ready, order), times[order]
        if self._dictionary_fields:
            self._follow_dictionaries(ready)
        return Bound(batch.num_rows, kernels.pin(ready, self._binding), self.layout.lookup, self._absent, times)

    def bound(self, payload: memoryview, last: LastHeader) -> Bound | None:
        """A payload ready to be counted without being decoded; None where its header is not one that `remember` was told of."""
        if self._repeats is None or (places := self._repeats.places(payload, last)) is None:
            return None
        return Bound(places.rows, places.pin(pa.py_buffer(payload)), self.layout.lookup, self._absent, None)

    def remember(self, payload: memoryview, last: LastHeader, batch: pa.RecordBatch, bound: Bound) -> None:
        """Takes note of what was decoded from a payload and bound by this plan, `last` being up to date."""
        if self._repeats is not None:
            self._repeats.note(payload, last, batch, bound.pinned)

    def cast_bytes(self, rows: int) -> int:
        """Memory that a batch of so many rows takes beyond its payload, at most about."""
        return _CELL_BYTES * rows * sum(cast is not None for _, cast in self._sources or ())

    def _cast(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        sources = self._sources or ()
        try:
            arrays = [cast(batch.column(index)) if cast else batch.column(index) for index, cast in sources]
        except pa.ArrowException as error:
            raise InvalidInput(f"a column cannot be cast: {error}", field="payload") from None
        return pa.RecordBatch.from_arrays(arrays, names=[str(index) for index, _ in sources])

    def _ordered(self, ready: pa.RecordBatch, order: npt.NDArray[np.int64]) -> pa.RecordBatch:
        """The rows in another order; columns that are not counted stay as they are, whatever their type."""
        taken, indices = self._binding.columns["child"], pa.array(order)
        arrays = [array.take(indices) if index in taken else array for index, array in enumerate(ready.columns)]
        return pa.RecordBatch.from_arrays(arrays, schema=ready.schema)

    def _follow_dictionaries(self, ready: pa.RecordBatch) -> None:
        """Maps dictionary entries to slots, anew where a dictionary differs from the last batch's."""
        found = {place: ready.column(index).dictionary for place, index in self._dictionary_fields.items()}
        if all(place in self._dictionaries and found[place].equals(self._dictionaries[place]) for place in found):
            return
        remaps = {place: _slots(dictionary, self.layout.bins[place]) for place, dictionary in found.items()}
        self._binding = kernels.with_remaps(self._binding, remaps)
        # Copies, since a dictionary that came as it is holds its whole payload in memory.
        self._dictionaries = {place: _copy(each) for place, each in found.items() if each.nbytes <= _REMEMBERED_BYTES_MAX}


@dataclass(slots=True)
class Repeats:
    """The header that comes again and again, and where the columns lie in such a payload.

    Of numbers and bits without nulls a header says all there is to validate: a payload with a known one need not be decoded.
    """

    _head: bytes = b""
    _seen: int = 0
    _places: kernels.Places | None = None

    def places(self, payload: memoryview, last: LastHeader) -> kernels.Places | None:
        """The places in a payload whose header is the known one."""
        return self._places if self._places is not None and self._head == last.head and last.is_of(payload) else None

    def note(self, payload: memoryview, last: LastHeader, batch: pa.RecordBatch, pinned: kernels.PinnedBatch) -> None:
        """A payload was decoded; places are taken from the second one with the same header, since many never come again."""
        if not last.is_of(payload):
            return
        if self._head != last.head:
            self._head, self._seen, self._places = last.head, 0, None
        self._seen += 1
        if self._seen == 2 and all(column.buffers()[0] is None for column in batch.columns):
            self._places = kernels.Places.of(pinned, pa.py_buffer(payload))


def _is_plain(schema: pa.Schema) -> bool:
    return all(arrow in kernels.VALUE_TYPES for arrow in schema.types)


def _slots(dictionary: pa.Array, bins: Bins) -> npt.NDArray[np.uint32]:
    """The slot of each entry of a dictionary: its category's, `other` for one unseen, `null` for none."""
    assert isinstance(bins, CategoricalBins)
    other = len(bins.categories)
    text = as_string(dictionary)
    known = pc.index_in(text, value_set=pa.array(bins.categories, pa.string())).fill_null(other)
    slots = np.where(text.is_null().to_numpy(zero_copy_only=False), other + 1, known.to_numpy(zero_copy_only=False))
    return slots.astype(np.uint32)


def _copy(array: pa.Array) -> pa.Array:
    return pa.concat_arrays([array, array.slice(0, 0)])


def _ready_type(arrow: pa.DataType, cast: Cast | None) -> pa.DataType:
    return cast(pa.nulls(0, arrow)).type if cast else arrow


def _no_column(names: list[str], layout: Layout) -> str:
    has = f"only {_listed(names)}, which the endpoint does not know" if names else "no columns"
    wanted = [column.name for column in layout.columns]
    return f"the batch has {has}; open the handle again with a schema of its columns, which are {_listed(wanted)}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMES_MAX]) + (f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else "")


def _notes(at: Mapping[str, int], layout: Layout, reserved: Mapping[str, str]) -> tuple[str, ...]:
    known = {column.name for column in layout.columns if column.role is not Role.LATENCY}
    wanted = known - {column.name for column in layout.columns if column.role is Role.LABEL}  # which usually come later
    missing = [f"column {name!r} is not in the batches; its rows count as missing" for name in wanted if name not in at]
    extra = [
        f"column {name!r} is not known to the endpoint and is ignored"
        for name in at
        if name not in known and name not in reserved.values()
    ]
    return (*sorted(missing), *sorted(extra))
