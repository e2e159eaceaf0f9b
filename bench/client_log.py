"""One row a call: what `Monitor.log` costs the thread that serves, and its process; and what `import driftline` costs.

`python bench/client_log.py [--quick]`. Flat out, and paced at a rate that a busy model server has. CPU a row counts the background
threads of this process, up to the last acknowledgement.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
from processes import server
from samples import reference

import driftline

COLUMNS = 20
ROWS_A_SECOND = 10_000
P50_US_MAX, P99_US_MAX, CPU_US_MAX = 3.0, 50.0, 20.0
IMPORT_S_MAX, IMPORTS = 0.35, 7
HEAVY = ("numba", "sqlite3", "pandas", "click", "rich")
IMPORT = f"""
import json, sys, time
started = time.perf_counter()
import driftline
taken = time.perf_counter() - started
print(json.dumps([taken, [name for name in {HEAVY} if name in sys.modules]]))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of a call on its thread, and of all CPU time of the process a row."""

    p50_us: float
    p99_us: float
    cpu_us: float
    rows_s: float


def cost(monitor: driftline.Monitor, rows: int, *, rows_s: float = float("inf")) -> Cost:
    """Logs so many rows, at most so many a second, and waits until all are acknowledged."""
    row = {f"f{column}": column * 0.1 for column in range(COLUMNS)}
    taken_ns = np.empty(rows)
    cpu, started = time.process_time(), time.perf_counter()
    for number in range(rows):
        before = time.perf_counter_ns()
        monitor.log(row)
        taken_ns[number] = time.perf_counter_ns() - before
        while time.perf_counter() - started < number / rows_s:
            time.sleep(0.001)
    logged = time.perf_counter() - started
    assert monitor.flush(60.0), monitor.stats
    p50, p99 = np.percentile(taken_ns, [50, 99]) / 1e3
    return Cost(p50, p99, (time.process_time() - cpu) / rows * 1e6, rows / logged)


def verdict(value: float, limit: float) -> str:
    return "met" if value <= limit else "MISSED"


def show(name: str, cost: Cost) -> None:
    goals = ((cost.p50_us, P50_US_MAX), (cost.p99_us, P99_US_MAX), (cost.cpu_us, CPU_US_MAX))
    cells = "".join(f"{value:>8.1f} <= {limit:g} {verdict(value, limit):<6}" for value, limit in goals)
    print(f"{name:<10}{cost.rows_s:>10,.0f}{cells}")


def imports() -> None:
    told = [json.loads(subprocess.check_output([sys.executable, "-c", IMPORT])) for _ in range(IMPORTS)]
    seconds = statistics.median(taken for taken, _ in told)
    loaded = sorted({name for _, names in told for name in names})
    print(f"\nimport driftline: median of {IMPORTS} fresh interpreters {seconds:.3f} s   <= {IMPORT_S_MAX:g} s", end=" ")
    print(verdict(seconds, IMPORT_S_MAX))
    print(f"of {', '.join(HEAVY)} it loads {', '.join(loaded) or 'none'}   {'MISSED' if loaded else 'met'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    rows = 20_000 if parser.parse_args().quick else 200_000
    with server() as (target, _):
        driftline.connect(target).create_endpoint("bench/log/m:1", reference=reference(COLUMNS))
        with driftline.Monitor(target, "bench/log/m:1", buffer_bytes_max=2**28) as monitor:  # flat out is faster than can be sent
            cost(monitor, 1000)
            flat_out = cost(monitor, rows)
            paced = cost(monitor, rows // 2, rows_s=ROWS_A_SECOND)
            assert (monitor.stats.dropped, monitor.stats.rejected) == (0, 0)
    print(f"monitor.log, {COLUMNS} features a row: µs of a call, and CPU µs a row with all that runs in the background")
    print(f"{'':<10}{'rows/s':>10}{'p50':>8}{'':<12}{'p99':>8}{'':<13}{'CPU':>8}")
    show("flat out", flat_out)
    show("paced", paced)
    imports()


if __name__ == "__main__":
    main()
