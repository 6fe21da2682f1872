"""What the benchmarks beside this file share: ports, waiting, and how busy the machine is."""

import contextlib
import http.client
import os
import pathlib
import socket
import time

TICKS = os.sysconf("SC_CLK_TCK")
# Processors that others may use without spoiling a round.
CALM = 0.2
# Longest wait for anything that surely comes.
PATIENCE = 60


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def wait_for(what, check, pause=0.005, seconds=PATIENCE):
    """Looks until it is so; gives the moment."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if check():
                return time.perf_counter()
        time.sleep(pause)
    raise SystemExit(f"not seen within {seconds} s: {what}")


def machine_busy():
    """Seconds that all processors together were busy so far."""
    fields = [int(it) for it in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def wait_until_calm(options, own=0):
    """Waits until others leave the machine alone, but not for long. `own`: processors that what is
    measured may take itself meanwhile."""
    end = time.monotonic() + options.patience
    while time.monotonic() < end:
        before = machine_busy()
        time.sleep(1)
        if machine_busy() - before < CALM + own:
            return


def spread(values, unit="ms"):
    values = sorted(values)
    at = lambda share: values[min(int(len(values) * share), len(values) - 1)]
    return f"p50 {at(0.5):.2f}, p99 {at(0.99):.2f}, max {values[-1]:.2f} {unit}"
