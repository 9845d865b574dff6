"""How many threads to compute with."""

import os
from contextlib import suppress
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container, on Linux: CPU time in each period, and the period


def num_threads() -> int:
    """`OMP_NUM_THREADS`, as PyTorch takes it, or else as many as there are CPUs for this process: those that it is
    bound to (as by `taskset`), and no more than the quota of its container.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # ValueError: no quota ("max")
        quota, period = _QUOTA.read_text().split()
        cpus = min(cpus, -(-int(quota) // int(period)))
    return max(1, cpus)
