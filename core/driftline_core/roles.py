"""Which columns of a reference an endpoint watches, and as what."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import pyarrow as pa

from driftline_core.binning import STRATEGIES
from driftline_core.coercion import cast_for, natural_kind
from driftline_core.errors import InvalidInput
from driftline_core.names import canonical, column_name, column_names
from driftline_core.schema import RESERVED, BinsSpec, Column, EndpointSpec, Kind, Role

V = TypeVar("V")


def normal(spec: EndpointSpec) -> EndpointSpec:
    """A spec with its endpoint's name in canonical and its columns' names in normal form; raises InvalidInput where one is bad."""
    return replace(
        spec,
        name=canonical(spec.name),
        prediction=_optional(spec.prediction),
        label=_optional(spec.label),
        features=tuple(column_names(spec.features)),
        exclude=tuple(map(column_name, spec.exclude)),
        kinds=_normal_keys(spec.kinds),
        bins=_normal_bins(spec.bins),
        column_thresholds=_normal_keys(spec.column_thresholds),
        reserved={word: _optional(column) for word, column in spec.reserved.items()},
    )


def resolve(spec: EndpointSpec, schema: pa.Schema) -> tuple[tuple[Column, ...], list[str]]:
    """The columns of an endpoint whose spec is in normal form: features, then prediction, then label; and notes for its creator.

    Raises InvalidInput where the spec names a column the reference does not have or uses twice, where no feature is left, and
    where a column's type cannot be binned.
    """
    names = column_names(schema.names)
    types = dict(zip(names, schema.types, strict=True))
    _check_settings(spec)
    _check_columns(spec, names)
    reserved = {column: word for word, column in spec.reserved_columns().items()}
    taken = {spec.prediction, spec.label, *spec.exclude}
    features = spec.features or tuple(name for name in names if name not in taken and name not in reserved)
    if not features:
        raise InvalidInput("the reference has no feature column; name some, or exclude fewer", field="features")
    roles = [*((name, Role.FEATURE) for name in features), (spec.prediction, Role.PREDICTION), (spec.label, Role.LABEL)]
    for name, _ in roles:
        if name in reserved:
            word = reserved[name]
            raise InvalidInput(f"column {name!r} is the reserved column {word!r}; free it with {_freeing(word)}", field=name)
    columns = tuple(Column(name, role, _kind(name, types[name], spec)) for name, role in roles if name)
    notes = [
        f"column {name!r} of the reference is the reserved column {reserved[name]!r} and no feature; "
        f"{_freeing(reserved[name])} makes it one"
        for name in names
        if name in reserved and name not in taken
    ]
    return columns, notes


def bins_of(given: BinsSpec, columns: Iterable[Column]) -> BinsSpec:
    """Bins for an endpoint's columns, in normal form; raises InvalidInput where they name another, or one that takes no edges."""
    bins, kinds = _normal_bins(given), {column.name: column.kind for column in columns}
    _check_strategy(bins)
    for name in bins.edges:
        if name not in kinds:
            raise InvalidInput(f"bins names {name!r}, which the endpoint does not have; it has {_shown(list(kinds))}", field="bins")
        _check_edges(name, kinds[name])
    return bins


def _check_strategy(bins: BinsSpec) -> None:
    if bins.strategy not in STRATEGIES:
        raise InvalidInput(f"bins {bins.strategy!r} is no strategy; take one of {', '.join(STRATEGIES)}, or edges", field="bins")


def _check_edges(name: str, kind: Kind) -> None:
    if kind is not Kind.NUMERIC:
        raise InvalidInput(f"column {name!r} is {kind} and takes no edges; only numeric columns do", field=f"bins[{name!r}]")


def _check_settings(spec: EndpointSpec) -> None:
    _check_strategy(spec.bins)
    if spec.rows_min < 1:
        raise InvalidInput("rows_min must be at least 1", field="rows_min")
    if spec.stale_after_us < 1:
        raise InvalidInput("stale_after must be longer than nothing", field="stale_after")
    for word in spec.reserved:
        if word not in RESERVED:
            raise InvalidInput(f"{word!r} is no reserved column; they are {', '.join(RESERVED)}", field="reserved")
    used = list(spec.reserved_columns().values())
    if len(set(used)) < len(used):
        raise InvalidInput("two reserved columns are mapped to one name; give each its own", field="reserved")


def _check_columns(spec: EndpointSpec, names: list[str]) -> None:
    places: dict[str, Iterable[str]] = {
        "prediction": [spec.prediction],
        "label": [spec.label],
        "features": spec.features,
        "exclude": spec.exclude,
        "kinds": spec.kinds,
        "bins": spec.bins.edges,
        "thresholds": spec.column_thresholds,
    }
    for place, wanted in places.items():
        for name in wanted:
            if name and name not in names:
                raise InvalidInput(
                    f"{place} names {name!r}, which the reference does not have; it has {_shown(names)}", field=place
                )
    if spec.prediction and spec.prediction == spec.label:
        raise InvalidInput(f"column {spec.label!r} is both prediction and label; name two columns", field="label")
    for name in spec.features:
        if name in (spec.prediction, spec.label):
            raise InvalidInput(f"column {name!r} is a feature and the prediction or label; take it out of one", field="features")
    for name in spec.exclude:
        if name in (spec.prediction, spec.label, *spec.features):
            role = "a feature" if name in spec.features else "the prediction or label"
            raise InvalidInput(f"column {name!r} is {role} and excluded; take it out of one", field="exclude")


def _kind(name: str, arrow: pa.DataType, spec: EndpointSpec) -> Kind:
    kind = spec.kinds.get(name) or natural_kind(arrow, name)
    cast_for(arrow, kind, name)  # refuses a type that the kind does not take
    if name in spec.bins.edges:
        _check_edges(name, kind)
    return kind


def _shown(names: list[str]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def _freeing(word: str) -> str:
    return f"reserved={{{word!r}: None}}"


def _optional(name: str) -> str:
    return column_name(name) if name else ""


def _normal_bins(bins: BinsSpec) -> BinsSpec:
    return BinsSpec(bins.strategy, _normal_keys(bins.edges))


def _normal_keys(given: Mapping[str, V]) -> dict[str, V]:
    return {column_name(name): value for name, value in given.items()}
