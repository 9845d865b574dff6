"""Synthetic speech: one command makes the same speech however often it was killed; what is no speech is refused."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.corpus.manifest import read_manifest
from asr.corpus.shards import read_index, read_shard
from asr.errors import CorpusError
from recipes.english.finish import LETTERS_PER_SECOND, PEAK_DB, SILENCE_SECONDS, Refused, Sound, finish
from recipes.english.growing import GrowingShards
from recipes.english.voices import NAMES, load_voice
from recipes.english.voices.speech import Speech
from recipes.english_text import words_of
from tests.support.hum import PROMPTS, SHARD, Hum, hum, make


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("".join(f"{prompt}\n" for prompt in PROMPTS))
    return path


def contents(folder: Path) -> list[tuple[str, str, str | None, float, bytes]]:
    """All utterances of a folder of shards with their sound files."""
    corpus = read_index(folder)
    in_shards = [pair for shard in corpus.shards for pair in read_shard(shard)]
    assert [u.id for u in corpus] == [u.id for u, _ in in_shards]
    return [(u.id, u.text, u.speaker, u.duration, s.content) for u, s in in_shards]


def test_shards_are_what_was_asked_for(prompts: Path, tmp_path: Path) -> None:
    make(prompts, tmp_path / "out", hours=SHARD)
    corpus = read_index(tmp_path / "out")
    assert len(corpus.shards) == 2
    assert len(corpus) == 8
    hours = sum(utterance.duration for utterance in corpus) / 3600
    assert SHARD <= hours < 2 * SHARD
    start = next(i for i in range(6) if " ".join(words_of(PROMPTS[i])) == next(iter(corpus)).text)
    assert [u.text for u in corpus] == [" ".join(words_of(PROMPTS[(start + n) % 6])) for n in range(8)]
    assert [u.id for u in corpus] == [f"hum-1-{n:07}" for n in range(8)]
    for shard in corpus.shards:
        for utterance, sound in read_shard(shard):
            assert soundfile.info(io.BytesIO(sound.content)).duration == pytest.approx(utterance.duration, abs=1e-6)
    make(prompts, tmp_path / "other", hours=SHARD, seed=2)
    assert not {c[-1] for c in contents(tmp_path / "out")} & {c[-1] for c in contents(tmp_path / "other")}


def test_a_broken_run_goes_on_as_if_it_had_run_through(prompts: Path, tmp_path: Path) -> None:
    make(prompts, tmp_path / "whole", hours=3 * SHARD)
    expected, folder = contents(tmp_path / "whole"), tmp_path / "broken"
    make(prompts, folder, hours=0.5 * SHARD)
    assert contents(folder) == expected[:4]
    index = (folder / "index.json").read_bytes()
    make(prompts, folder, hours=1.5 * SHARD)
    # Killed after the third shard and half of its lines, before the index knew of it.
    (folder / "index.json").write_bytes(index)
    manifest = folder / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-100])
    make(prompts, folder, hours=3 * SHARD)
    assert contents(folder) == expected
    make(prompts, folder, hours=SHARD)  # there are enough
    assert contents(folder) == expected


def test_a_shard_that_takes_no_tick_of_the_clock_is_written_all_the_same(
    prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systems may count CPU time in steps of 10 ms, in which a quick machine makes a shard."""
    monkeypatch.setattr("recipes.english.synthesize._core_seconds", lambda: 1.0)
    make(prompts, tmp_path / "out", hours=0.5 * SHARD)
    assert len(contents(tmp_path / "out")) == 4


KILLED = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from tests.support.hum import Hum, make
class Slow(Hum):
    def say(self, sentence, rng):
        import time; time.sleep(0.05)
        return super().say(sentence, rng)
make(Path({prompts!r}), Path({out!r}), hours=1, voice=Slow())
"""


def test_kill_9(prompts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = KILLED.format(tests=str(Path(__file__).parents[2]), prompts=str(prompts), out=str(out))
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2]) as process:
        deadline = time.monotonic() + 120
        while not (out / "shard-00002.tar").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    made_before = len(read_index(out).shards)
    make(prompts, out, hours=3 * SHARD)
    make(prompts, tmp_path / "whole", hours=3 * SHARD)
    assert 2 <= made_before < len(read_index(out).shards)
    assert contents(out) == contents(tmp_path / "whole")


def test_what_is_refused_is_skipped_and_said(
    prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("recipes.english.synthesize.MAX_REFUSED", 0.3)
    make(prompts, tmp_path / "all", hours=3 * SHARD)
    kept = [c for c in contents(tmp_path / "all") if "CAT RUNS UP THE HILL" not in c[1]]
    make(prompts, tmp_path / "out", hours=2.5 * SHARD * 5 / 6, voice=Hum(dumb_for="cat runs up the hill"))
    made = contents(tmp_path / "out")
    assert made == kept[: len(made)]
    assert len(made) > 8
    err = capsys.readouterr().err
    assert "1.5 letters a second: The cat runs up the hill." in err
    assert ", 1 refused" in err
    with pytest.raises(CorpusError, match="hum: 4 of 4 utterances refused"):
        make(prompts, tmp_path / "dumb", hours=SHARD, voice=Hum(dumb_for="runs"))


def test_other_shards_are_not_passed_off_as_these(prompts: Path, tmp_path: Path) -> None:
    make(prompts, tmp_path / "out", hours=SHARD)
    with pytest.raises(CorpusError, match=r'begun otherwise.*"seed": 1.*"seed": 2'):
        make(prompts, tmp_path / "out", hours=2 * SHARD, seed=2)
    newer = Hum()
    newer.version = "hum 2"
    with pytest.raises(CorpusError, match="begun otherwise"):
        make(prompts, tmp_path / "out", hours=2 * SHARD, voice=newer)
    with prompts.open("a") as file:
        file.write("The fox runs up the hill.\n")
    with pytest.raises(CorpusError, match="begun otherwise"):
        make(prompts, tmp_path / "out", hours=2 * SHARD)


def test_damage_and_a_second_process_are_told(prompts: Path, tmp_path: Path) -> None:
    make(prompts, tmp_path / "out", hours=SHARD)
    with GrowingShards(tmp_path / "out"), pytest.raises(CorpusError, match="another process"):
        make(prompts, tmp_path / "out", hours=2 * SHARD)
    lines = (tmp_path / "out" / "manifest.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "out" / "manifest.jsonl").write_text("".join(lines[:5]))
    with pytest.raises(CorpusError, match=r"has 5 utterances, but index\.json counts 8"):
        make(prompts, tmp_path / "out", hours=2 * SHARD)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.full(24_000, np.nan, np.float32), "not finite"),
        (np.zeros(48_000, np.float32), "silent"),
        (hum(1.0)[:100], "silent"),
        (hum(15 / LETTERS_PER_SECOND[0] * 1.1), r"letters a second"),
        (hum(15 / LETTERS_PER_SECOND[1] * 0.9), r"letters a second"),
    ],
)
def test_no_speech(samples: np.ndarray, reason: str) -> None:
    refused = finish(Speech(samples, 24_000, "s"), num_letters=15, rng=np.random.default_rng(1))
    assert isinstance(refused, Refused)
    assert reason in refused.reason


def test_a_recording_has_silence_around_it_and_a_level() -> None:
    starts, peaks = [], []
    for seed in range(20):
        sound = finish(Speech(hum(1.0), 24_000, "s"), num_letters=15, rng=np.random.default_rng(seed))
        assert isinstance(sound, Sound)
        samples, sample_rate = soundfile.read(io.BytesIO(sound.encoded))
        assert sample_rate == 16_000
        assert len(samples) / 16_000 == pytest.approx(sound.seconds, abs=1e-6)
        assert 1 + 2 * SILENCE_SECONDS[0] - 0.02 < sound.seconds < 1 + 2 * SILENCE_SECONDS[1] + 0.02
        level = np.abs(samples).max()
        starts.append(np.argmax(np.abs(samples) > level / 2) / 16_000)
        peaks.append(20 * np.log10(level))
        assert samples[: int(16_000 * (starts[-1] - 0.04))].std() > 0  # no digital silence
    assert SILENCE_SECONDS[0] - 0.02 < min(starts) < 0.15
    assert 0.35 < max(starts) < SILENCE_SECONDS[1] + 0.02
    assert PEAK_DB[0] - 1 < min(peaks) < -14
    assert -8 < max(peaks) < PEAK_DB[1] + 1


@pytest.mark.parametrize("name", NAMES)
def test_each_voice_says_what_it_is_told_and_the_same_again(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where its program or packages are; nothing is downloaded."""
    monkeypatch.setattr("asr.fetch.download.urlopen", no_network)
    try:
        voice = load_voice(name)
    except CorpusError as error:
        pytest.skip(str(error))
    prompt = "Please bring the old lamp, and two hundred and five chairs, to the garden."
    rngs = [np.random.default_rng([1, n]) for n in (1, 1, 2)]
    first, again, other = (voice.say(prompt, rng) for rng in rngs)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.speaker == again.speaker
    assert first.speaker.startswith(name)
    assert first.samples.shape != other.samples.shape or (first.samples != other.samples).any()
    for speech, rng in zip((first, other), rngs[1:], strict=True):
        assert isinstance(finish(speech, num_letters=sum(map(len, words_of(prompt))), rng=rng), Sound)


def no_network(*_: object, **__: object) -> None:
    raise OSError("no network in tests")


def test_a_missing_program_or_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CorpusError, match=r"flite: no such program; install it \(Debian: apt install flite\)"):
        load_voice("flite")
    with pytest.raises(CorpusError, match="festival: no such program"):
        load_voice("festival")


def test_the_command(
    prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from recipes.english import synthesize as recipe

    monkeypatch.setattr(recipe, "load_voice", lambda name: Hum())
    out = tmp_path / "out"
    arguments = ["--voice", "flite", "--prompts", str(prompts), "--out", str(out), "--seed", "3"]
    monkeypatch.setattr(sys, "argv", ["synthesize", *arguments, "--hours", "0.001"])
    recipe.main()
    assert len(read_manifest(out / "manifest.jsonl", check_files=False)) > 0
    assert json.loads((out / "plan.json").read_text())["seed"] == 3
    assert "h a core-hour" in capsys.readouterr().err
