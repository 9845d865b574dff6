"""The demo's spoken corpus, checked against soundfile (format), librosa's pYIN (pitch) and energy (word times)."""

import importlib.metadata
import itertools
import json
from collections.abc import Iterable
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from asr.corpus.manifest import Utterance, read_manifest
from asr.errors import CorpusError
from recipes.demo.corpus import TEMPLATES, DemoCorpus, expand, make_corpus, split_sentences
from recipes.demo.voice import SAMPLE_RATE, VOICES, Synthesizer, Voice

COUNTS = {"train": 3, "dev": 2, "test": 2}


def needs_tts() -> None:
    pytest.importorskip("hibari", reason="hibari-tts is not installed; pip install 'recurrent-asr[demo]'")


def settings() -> dict[str, int]:
    return {"num_train": COUNTS["train"], "num_dev": COUNTS["dev"], "num_test": COUNTS["test"], "seed": 3}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> DemoCorpus:
    needs_tts()
    return make_corpus(tmp_path_factory.mktemp("demo"), **settings())


@pytest.fixture(scope="module")
def utterances(corpus: DemoCorpus) -> dict[str, list[Utterance]]:
    return {part: read_manifest(getattr(corpus, part)) for part in COUNTS}


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    needs_tts()
    return Synthesizer()


def sentence_words(sentences: Iterable[str]) -> set[str]:
    return {word for sentence in sentences for word in sentence.upper().rstrip(".?").split()}


def test_no_sentence_is_in_two_parts_and_no_word_of_the_test_is_new() -> None:
    parts = split_sentences({"train": 600, "dev": 60, "test": 60}, seed=0)
    assert {part: len(sentences) for part, sentences in parts.items()} == {"train": 600, "dev": 60, "test": 60}
    assert len(set(itertools.chain(*parts.values()))) == 720
    known = sentence_words(parts["train"])
    assert sentence_words(parts["dev"]) | sentence_words(parts["test"]) <= known
    assert 60 <= len(known) <= 120
    assert all(word.isascii() and word.isalpha() for word in known)


def test_every_part_has_every_template() -> None:
    parts = split_sentences({"train": 200, "dev": 32, "test": 32}, seed=5)
    for template in TEMPLATES:
        sentences = set(expand(template))
        assert all(sentences & set(parts[part]) for part in parts), template


def test_expansion_fills_every_slot_and_repeats_no_filler() -> None:
    assert len(expand("turn <switch> the <room> <device>")) == 2 * 5 * 4
    tickets = expand("how much is a ticket from <city> to <city>")
    assert len(tickets) == 6 * 5
    assert "How much is a ticket from Rome to Oslo?" in tickets
    assert "How much is a ticket from Rome to Rome?" not in tickets
    assert expand("stop") == ["Stop."]


def test_the_seed_decides_the_sentences() -> None:
    counts = {"train": 20, "dev": 5, "test": 5}
    assert split_sentences(counts, seed=1) == split_sentences(counts, seed=1)
    assert split_sentences(counts, seed=1) != split_sentences(counts, seed=2)


@pytest.mark.parametrize(("part", "count"), [("dev", 0), ("test", 100_000), ("train", -1)])
def test_a_count_that_cannot_be_is_refused(part: str, count: int) -> None:
    with pytest.raises(CorpusError, match=rf"num_{part} is {count}, expected 1 to \d+"):
        split_sentences({"train": 5, "dev": 5, "test": 5, part: count}, seed=0)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(CorpusError, match="seed is -1, expected 0 or more"):
        split_sentences(COUNTS, seed=-1)


def test_no_voice_is_in_two_parts_and_the_test_goes_beyond_training() -> None:
    voices = list(itertools.chain(*VOICES.values()))
    assert len({voice.name for voice in voices}) == len(voices)
    assert len({(voice.pitch, voice.formants) for voice in voices}) == len(voices)
    trained = [voice.pitch for voice in VOICES["train"]]
    tested = [voice.pitch for voice in VOICES["test"]]
    assert min(tested) < min(trained) < max(trained) < max(tested)
    assert sum(min(trained) < pitch < max(trained) for pitch in tested) >= 2


def test_manifests_say_what_the_files_are(utterances: dict[str, list[Utterance]]) -> None:
    for part, count in COUNTS.items():
        assert len(utterances[part]) == count
        assert {u.speaker for u in utterances[part]} <= {voice.name for voice in VOICES[part]}
        for utterance in utterances[part]:
            info = soundfile.info(utterance.audio_filepath)
            assert (info.samplerate, info.channels, info.format, info.subtype) == (16_000, 1, "WAV", "PCM_16")
            assert utterance.duration == pytest.approx(info.frames / info.samplerate, abs=1e-9)
            assert 1.0 < utterance.duration < 5.0
            assert 3 <= len(utterance.text) / utterance.duration <= 25  # letters a second
    assert [u.text for u in utterances["test"]] == [
        sentence.rstrip(".?").upper() for sentence in split_sentences(COUNTS, seed=3)["test"]
    ]


def test_nothing_is_clipped_and_noise_is_low(utterances: dict[str, list[Utterance]]) -> None:
    for utterance in itertools.chain(*utterances.values()):
        samples, _ = soundfile.read(utterance.audio_filepath)
        peak, floor = np.abs(samples).max(), np.abs(samples[:800]).max()
        assert 0.1 < peak < 0.95
        assert 0 < floor < 0.1 * peak


def test_word_times_frame_the_speech(corpus: DemoCorpus, utterances: dict[str, list[Utterance]]) -> None:
    for part in COUNTS:
        lines = (getattr(corpus, part).parent / f"{part}.words.jsonl").read_text().splitlines()
        for utterance, line in zip(utterances[part], map(json.loads, lines), strict=True):
            words = line["words"]
            assert line["id"] == utterance.id
            assert [word["word"] for word in words] == utterance.text.split()
            edges = [time for word in words for time in (word["start"], word["end"])]
            assert edges == sorted(edges)
            assert all(0.03 < word["end"] - word["start"] < 1.0 for word in words)
            assert edges[0] >= 0.05 and edges[-1] <= utterance.duration - 0.05
            samples, rate = soundfile.read(utterance.audio_filepath)
            first, last = round((edges[0] - 0.05) * rate), round((edges[-1] + 0.05) * rate)
            outside = np.concatenate([samples[:first], samples[last:]])
            assert np.square(outside).mean() < 0.01 * np.square(samples[first:last]).mean()


def test_words_start_where_their_voicing_starts(synthesizer: Synthesizer) -> None:
    # OFF ends without voice and THE starts with it: the energy below 600 Hz jumps there.
    voice = VOICES["train"][4]
    samples, words = synthesizer.speak("Turn off the kitchen light.", voice, seed=0)
    the = next(word for word in words if word.word == "THE")
    spectrum = np.abs(librosa.stft(samples, n_fft=256, hop_length=80)) ** 2
    low = 10 * np.log10(spectrum[2:10].sum(axis=0) + 1e-9)
    around = slice(round((the.start - 0.1) * 200), round((the.start + 0.1) * 200))
    steepest = around.start + np.argmax(low[around.start + 4 : around.stop + 4] - low[around]) + 2
    assert abs(steepest / 200 - the.start) < 0.05


@pytest.mark.parametrize("voice", [VOICES["train"][0], VOICES["train"][5], VOICES["test"][-1]], ids=lambda v: v.name)
def test_pitch_is_where_the_voice_has_it(synthesizer: Synthesizer, voice: Voice) -> None:
    samples, _ = synthesizer.speak("Remind me to water the plants tomorrow at seven.", voice, seed=0)
    f0, voiced, _ = librosa.pyin(samples, fmin=50, fmax=600, sr=SAMPLE_RATE, frame_length=1600, hop_length=320)
    assert voiced.mean() > 0.3
    assert np.median(f0[voiced]) == pytest.approx(voice.pitch, rel=0.08)


def test_formants_stretch_the_frequency_axis(synthesizer: Synthesizer) -> None:
    def roll_off(formants: float) -> float:
        voice = Voice("any", pitch=120.0, formants=formants, tempo=1.0, intonation=1.0)
        samples, _ = synthesizer.speak("How are you?", voice, seed=0)  # no hiss in it that would pass 8 kHz
        power = np.abs(np.fft.rfft(samples)) ** 2
        return np.searchsorted(np.cumsum(power) / power.sum(), 0.9) / len(samples)

    assert roll_off(0.85) < 0.95 * roll_off(1.0) < 0.95**2 * roll_off(1.2)


@pytest.mark.parametrize("formants", [0.85, 1.2])
def test_tempo_changes_the_length_and_formants_do_not(synthesizer: Synthesizer, formants: float) -> None:
    def length(tempo: float, formants: float) -> float:
        voice = Voice("any", pitch=190.0, formants=formants, tempo=tempo, intonation=1.0)
        samples, _ = synthesizer.speak("Please call Anna on Sunday at seven.", voice, seed=0)
        return len(samples) / SAMPLE_RATE

    for tempo in (0.9, 1.0, 1.1):
        assert length(tempo, formants) == pytest.approx(length(1.0, 1.0) / tempo, rel=0.06)


def test_a_complete_corpus_is_kept_and_a_damaged_one_made_again_the_same(
    corpus: DemoCorpus, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = corpus.train.parent
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    assert make_corpus(folder, **settings()) == corpus
    assert all(path.stat().st_mtime_ns == mtime for path, (_, mtime) in before.items())
    assert capfd.readouterr() == ("", "")

    (folder / "wav" / files[-1].name).unlink()
    make_corpus(folder, **settings())
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "7/7" in shown.err
    assert {path: path.read_bytes() for path in files} == {path: content for path, (content, _) in before.items()}
    assert all(path.stat().st_mtime_ns != mtime for path, (_, mtime) in before.items())


def test_without_the_tts_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(CorpusError, match=r"hibari-tts 0\.2\.1, found none; install it with: pip install"):
        make_corpus(tmp_path, **settings())
