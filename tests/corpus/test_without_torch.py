"""From sound files to shards on a machine where torch is not installed."""

import json
import subprocess
import sys
from pathlib import Path

import soundfile

from tests.support.sounds import chord

ROOT = Path(__file__).parents[2]
WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = sys.modules["torchaudio"] = None  # importing them fails, as where they are not installed
from pathlib import Path
folder = Path(sys.argv[1])
"""


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_TORCH + code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def write_folder(folder: Path) -> None:
    folder.mkdir()
    for number, (suffix, rate) in enumerate([("wav", 8000), ("flac", 44_100), ("ogg", 16_000), ("mp3", 22_050)]):
        soundfile.write(folder / f"{number}.{suffix}", chord(rate), rate)
        (folder / f"{number}.txt").write_text("WORDS THAT ARE SAID\n")


def test_sound_is_read_imported_examined_and_packed(tmp_path: Path) -> None:
    write_folder(tmp_path / "in")
    code = """
from asr.audio import load_audio, read_blocks
from asr.cli import main
from asr.sound_input import waveform_of
paths = sorted(path for path in (folder / "in").iterdir() if path.suffix != ".txt")
lengths = [len(load_audio(path)) for path in paths]
assert lengths == [len(waveform_of(path.read_bytes())) for path in paths]
assert lengths == [sum(map(len, read_blocks(path, 0.1))) for path in paths]
print(json.dumps(lengths))
def asr(*arguments):
    sys.argv = ["asr", *map(str, arguments)]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, (arguments, ended.code)
asr("import", "folder", folder / "in", folder / "m.jsonl")
asr("doctor", folder / "m.jsonl", "--workers", 1)
asr("shard", folder / "m.jsonl", folder / "shards")
"""
    result = run(code, tmp_path)
    assert result.returncode == 0, result.stderr
    lengths = json.loads(result.stdout.splitlines()[0])
    assert all(abs(length - 24_000) < 1600 for length in lengths)
    assert "4 utterances in 1 shards" in result.stderr
    assert (tmp_path / "shards" / "index.json").is_file()


def test_a_wrong_header_is_refused_without_torch(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\nx.wav,WORDS\n")
    code = """
from asr.cli import main
sys.argv = ["asr", "import", "csv", str(folder / "t.csv"), str(folder / "m.jsonl")]
main()
"""
    result = run(code, tmp_path)
    assert result.returncode == 2
    assert "no column of sound files (--audio-column): the first line has a, b" in result.stderr
