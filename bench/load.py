"""Full load on one endpoint: `load.py TARGET ENDPOINT ROWS SECONDS`."""

import itertools
import sys
import time

from samples import batches

import driftline


def main() -> None:
    target, endpoint, rows, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    sample = batches(rows, 20)
    with driftline.Monitor(target, endpoint, on_full="block", level="accepted", buffer_bytes_max=16 * 2**20) as monitor:
        monitor.log_batch(sample[0])
        monitor.flush(30)
        print("pushing", file=sys.stderr, flush=True)
        end = time.monotonic() + seconds
        for batch in itertools.cycle(sample):
            if time.monotonic() > end:
                break
            monitor.log_batch(batch)


if __name__ == "__main__":
    main()
