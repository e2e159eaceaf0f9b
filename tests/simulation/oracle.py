"""What pandas and numpy make of all that was sent: counts and metrics of every hour, the slow way and by other formulas."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import entropy

from driftline_core.panes import HOUR_US
from driftline_core.reference import Reference

COLUMNS = ("x", "word", "flag")
STATUSES = ("no_detection", "potential", "detected")  # from bad to worse
THRESHOLDS = (0.5, 0.7)


@dataclass(slots=True)
class Sent:
    """All that the clients of one endpoint sent, for the oracle."""

    times_us: list[np.ndarray] = field(default_factory=list)
    x: list[np.ndarray] = field(default_factory=list)
    word: list[np.ndarray] = field(default_factory=list)
    flag: list[np.ndarray] = field(default_factory=list)

    def compact(self) -> None:
        """Joins what was sent, so that it takes what it weighs and no more."""
        for arrays in (self.times_us, self.x, self.word, self.flag):
            arrays[:] = [np.concatenate(arrays)] if arrays else []

    def frame(self) -> pd.DataFrame:
        """A line a row, by the hour it happened in."""
        hour = pd.Index(np.concatenate(self.times_us) // HOUR_US * HOUR_US, name="hour")
        return pd.DataFrame({name: np.concatenate(getattr(self, name)) for name in COLUMNS}, index=hour)


@dataclass(frozen=True, slots=True)
class Oracle:
    """Knows the bins of a reference, and the table it was made of."""

    reference: Reference
    trusted: pa.Table

    def counts(self, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """Rows of each hour (down) in each bin (across), of each column."""
        x, word, _ = self.reference.layout.bins
        categories = list(word.categories)
        edges = np.array([*x.edges[:-1], np.nextafter(x.edges[-1], np.inf)])
        slots = {
            "x": np.searchsorted(edges, rows["x"], side="right"),
            "word": [categories.index(each) if each in categories else len(categories) for each in rows["word"]],
            "flag": rows["flag"].astype(int).to_numpy(),
        }
        widths = dict(zip(COLUMNS, (bins.slots for bins in self.reference.layout.bins), strict=True))
        ones = pd.DataFrame({"hour": rows.index, **slots, "one": 1})
        return {
            name: ones.pivot_table("one", "hour", name, "sum", fill_value=0).reindex(columns=range(width), fill_value=0)
            for name, width in widths.items()
        }

    def columns(self, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """The metrics of each column in each hour, by the names that the database has for them."""
        found = self.counts(rows)
        trusted = self.counts(self.trusted.to_pandas().set_index(pd.Index([0] * len(self.trusted), name="hour")))
        made = {name: _distances(found[name], trusted[name].to_numpy()[0]) for name in COLUMNS}
        for name, counts in found.items():
            made[name]["rows"] = counts.sum(axis=1)
        last = found["x"].columns[-2]  # the null bin is behind it
        made["x"]["below"], made["x"]["above"] = found["x"][0], found["x"][last]
        made["word"]["unseen"] = found["word"][found["word"].columns[-2]]
        by_hour = rows["x"].groupby(level="hour")
        made["x"] = made["x"].assign(mean=by_hour.mean(), std=by_hour.std(), min=by_hour.min(), max=by_hour.max())
        return made

    def hours(self, columns: dict[str, pd.DataFrame]) -> pd.DataFrame:
        """The metrics of the endpoint in each hour that has rows."""
        drift = sum(columns[name]["drift"] for name in COLUMNS) / len(COLUMNS)
        verdicts = [_verdict(drift), *(columns[name]["verdict"] for name in COLUMNS)]
        return pd.DataFrame({"drift": drift, "verdict": np.maximum.reduce(verdicts), "rows": columns["x"]["rows"]})


def _distances(counts: pd.DataFrame, trusted: np.ndarray) -> pd.DataFrame:
    found = counts.to_numpy(float)
    p, q = found / found.sum(axis=1, keepdims=True), trusted / trusted.sum()
    tvd = 1 - np.minimum(p, q).sum(axis=1)
    hellinger = np.sqrt(np.maximum(0, 1 - np.sqrt(p * q).sum(axis=1)))
    used = (found > 0) | (trusted > 0)
    kld = entropy(np.where(used, found + 0.5, 0), np.where(used, trusted + 0.5, 0), axis=1)
    drift = (tvd + hellinger) / 2
    made = {"tvd": tvd, "hellinger": hellinger, "kld": kld, "drift": drift, "verdict": _verdict(drift)}
    return pd.DataFrame(made, index=counts.index)


def _verdict(drift: np.ndarray | pd.Series) -> np.ndarray:
    """The place of a status in STATUSES."""
    return np.searchsorted(THRESHOLDS, drift, side="right")
