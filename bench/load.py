"""Load on one endpoint: `load.py TARGET ENDPOINT ROWS SECONDS [BATCHES_A_SECOND]`; without a rate, as much as goes."""

import itertools
import sys
import time

from samples import batches

import driftline


def main() -> None:
    target, endpoint, rows, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    rate = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0
    sample = batches(rows, 20)
    with driftline.Monitor(target, endpoint, on_full="block", level="accepted", buffer_bytes_max=16 * 2**20) as monitor:
        monitor.log_batch(sample[0])
        monitor.flush(30)
        print("pushing", file=sys.stderr, flush=True)
        started = time.monotonic()
        for number, batch in enumerate(itertools.cycle(sample)):
            if time.monotonic() > started + seconds:
                break
            if rate:
                time.sleep(max(0.0, started + number / rate - time.monotonic()))
            monitor.log_batch(batch)


if __name__ == "__main__":
    main()
