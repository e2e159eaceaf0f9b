"""The demo's people: what the census asked them, year by year."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = Path(__file__).with_name("census")
REFERENCE = FOLDER / "reference.parquet"
STREAM = FOLDER / "stream.parquet"
REFERENCE_YEAR = 2015
YEARS = (2016, 2017, 2018)
PREDICTION = "prediction"
LABEL = "employed"
SEED = 2015
# What each column asks, in a word or two.
MEANING = {
    "AGEP": "age",
    "SCHL": "schooling",
    "MAR": "married",
    "RELP": "in household",
    "DIS": "disability",
    "ESP": "parents' work",
    "CIT": "citizenship",
    "MIG": "moved",
    "MIL": "military",
    "ANC": "ancestry",
    "NATIVITY": "born in US",
    "DEAR": "hearing",
    "DEYE": "sight",
    "DREM": "memory",
    "SEX": "sex",
    "RAC1P": "race",
    "prediction": "has a job?",
}


def reference() -> "pa.Table":
    """The people of 2015: what is normal."""
    import pyarrow.parquet as pq

    return pq.read_table(REFERENCE)


def people() -> "dict[int, pa.Table]":
    """The people of each year, in random order (the same each time): the files list those in institutions last."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows = pq.read_table(STREAM)
    years = {year: rows.filter(pc.equal(rows["year"], year)).drop_columns(["year"]) for year in YEARS}
    random = np.random.default_rng(SEED)
    return {year: table.take(random.permutation(table.num_rows)) for year, table in years.items()}
