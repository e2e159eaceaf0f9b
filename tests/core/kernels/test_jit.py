"""Compiled kernels are kept on disk, and never outlive their sources."""

import doctest
import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pyarrow as pa
import pytest

import driftline_core
from driftline_core import kernels

COUNT_CACHE_HITS = """
import numpy as np
from driftline_core.kernels.cells import linear_cells
from driftline_core.kernels.lookup import PLACE
linear_cells(np.zeros(1), np.zeros(1, PLACE)[0], np.zeros(1, np.uint32))
print(sum(linear_cells.stats.cache_hits.values()))
"""


def test_an_edit_of_any_file_of_the_package_compiles_anew(tmp_path):
    package = tmp_path / "driftline_core"
    shutil.copytree(
        Path(driftline_core.__file__).parent / "kernels", package / "kernels", ignore=shutil.ignore_patterns("__pycache__")
    )
    (package / "__init__.py").touch()

    def cache_hits():
        done = subprocess.run(
            [sys.executable, "-c", COUNT_CACHE_HITS], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, check=True
        )
        return int(done.stdout)

    assert [cache_hits(), cache_hits()] == [0, 1]
    with (package / "kernels" / "moments.py").open("a") as file:
        file.write("# edited\n")
    assert cache_hits() == 0


def test_threads_count_one_batch_into_tallies_of_their_own():
    values = np.random.default_rng(1).normal(size=200_000)
    batch = pa.record_batch({"x": values})
    lookup = kernels.build_lookup([kernels.Numeric(np.linspace(-2, 2, 21))])
    pinned = kernels.pin(batch, kernels.bind(batch.schema, ["x"], lookup))
    tallies = [kernels.empty_tally(lookup) for _ in range(4)]

    def count(tally):
        scratch = kernels.new_scratch()
        for start in range(0, len(values), 1000):
            kernels.update(tally, pinned, lookup, scratch=scratch, start=start, stop=start + 1000)

    threads = [Thread(target=count, args=(tally,)) for tally in tallies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tallies[0].counts.sum() == len(values)
    assert all(tally.counts.tolist() == tallies[0].counts.tolist() and tally.moments == tallies[0].moments for tally in tallies)


@pytest.mark.parametrize("name", ["lookup"])
def test_examples_in_docstrings_hold(name):
    module = importlib.import_module(f"driftline_core.kernels.{name}")
    assert doctest.testmod(module).attempted > 0
    assert doctest.testmod(module).failed == 0
