"""An installation that cannot be written, without a home, on one CPU: a text comes out, and compiling is announced."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import asr


def test_a_read_only_installation_without_a_home_transcribes(model_folder: Path, wav: Path, tmp_path: Path) -> None:
    """A file stands where each folder of the cache would be: not even root can write there."""
    package = tmp_path / "site" / "asr"
    shutil.copytree(Path(asr.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").touch()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(package.parent), "OMP_NUM_THREADS": "1"}
    environment |= {"XDG_CACHE_HOME": os.devnull, "HOME": os.devnull}
    code = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); from asr.cli import main; main()"
    command = [sys.executable, "-c", code, "transcribe", str(model_folder), str(wav), "--engine", "onnx"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "no folder for compiled code can be written" in done.stderr
    assert "pthread_setaffinity" not in done.stderr
