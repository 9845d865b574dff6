"""What a training ran on: versions, machine, commit. One record for each start, in `environment.json`."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import asr
from asr.errors import TrainingError
from asr.files import MAX_SIDE_BYTES, parse_json, read_bytes, write_text

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]

ENVIRONMENT = "environment.json"


def note_environment(
    folder: Path, device: torch.device, *, first_epoch: int, resume: bool, num_processes: int = 1
) -> None:
    """Write `environment.json`: a list with a record for each start of the run, so one more when it is resumed.

    Raises:
        TrainingError: the records of the starts before are broken.
        OutputError: the file cannot be written.
    """
    path = folder / ENVIRONMENT
    before = read_environment(path) if resume and path.exists() else []
    now = {"first_epoch": first_epoch, **environment(device), "processes": num_processes}
    write_text(path, json.dumps([*before, now], indent=2) + "\n")


def read_environment(path: Path) -> list[dict[str, Any]]:
    """The records of an `environment.json`, a start of the run each.

    Raises:
        TrainingError: the file cannot be read, or is not what `note_environment` writes.
    """
    try:
        records = parse_json(read_bytes(path, TrainingError, max_bytes=MAX_SIDE_BYTES))
    except ValueError:
        records = None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise TrainingError(f"{path}: expected a JSON list of objects, as `asr train` writes it; or remove the file")
    return records


def environment(device: torch.device) -> dict[str, str | int | None]:
    """What decides the speed and the results of a training; None for what cannot be determined."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "asr": asr.__version__,
        "commit": _commit(Path(asr.__file__).parents[1]),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def peak_memory_mb(device: torch.device) -> int:
    """The most memory that this process has used so far, in MB: of the GPU, if it trains on one."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device) / 2**20)
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)


def _commit(root: Path) -> str | None:
    """The git commit of the code, with the suffix "-dirty" if files have changed since."""
    if not (root / ".git").exists():  # git itself would go on searching in parent folders, which are another project
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or None
