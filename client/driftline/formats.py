"""Files that are no Parquet, and how they become it."""

import os
from pathlib import PurePath

READERS = {
    ".csv": "read_csv({!r})",
    ".tsv": "read_csv({!r}, sep='\\t')",
    ".json": "read_json({!r})",
    ".jsonl": "read_json({!r}, lines=True)",
    ".ndjson": "read_json({!r}, lines=True)",
    ".feather": "read_feather({!r})",
    ".arrow": "read_feather({!r})",
    ".xlsx": "read_excel({!r})",
}


def as_parquet(path: str | os.PathLike[str]) -> str:
    """What to do with a file that cannot be read as Parquet, by the end of its name.

    >>> as_parquet("day.csv")
    "write it as Parquet: pandas.read_csv('day.csv').to_parquet('day.parquet')"
    >>> as_parquet("day.parquet")
    'it is damaged, or not whole: write it again'
    """
    name = PurePath(os.fspath(path))
    reader = READERS.get(name.suffix.lower())
    if reader is None:
        return "it is damaged, or not whole: write it again" if name.suffix == ".parquet" else "give a Parquet file"
    return f"write it as Parquet: pandas.{reader.format(str(name))}.to_parquet({str(name.with_suffix('.parquet'))!r})"
