"""Data every benchmark uses, the same in each run."""

import numpy as np
import pyarrow as pa


def batches(rows: int, columns: int, *, nulls: float = 0.0, count: int = 8) -> list[pa.RecordBatch]:
    """Record batches of normal float64 columns f0, f1, …; `nulls` is the share of nulls in each."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(count):
        arrays = [pa.array(rng.normal(size=rows), mask=rng.random(rows) < nulls if nulls else None) for _ in range(columns)]
        made.append(pa.record_batch(arrays, names=[f"f{i}" for i in range(columns)]))
    return made


def reference(columns: int) -> pa.Table:
    """A reference for such batches."""
    rng = np.random.default_rng(8)
    return pa.table({f"f{i}": rng.normal(size=20_000) for i in range(columns)})
