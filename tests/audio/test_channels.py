"""Which channels are heard, and that none is lost unseen."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio import Sound, load_audio, read_sound, to_waveform
from asr.channels import loudest_of_opposed
from asr.corpus.doctor.check_audio import check_audio
from asr.corpus.doctor.findings import Kind
from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.corpus.shards import read_shard, write_shards
from asr.corpus.utterances import load_utterance
from asr.errors import AudioError, AudioWarning, ManifestError
from tests.support.sounds import SAMPLE_RATE, chord

VOICE = chord(SAMPLE_RATE)
NOISE = np.random.default_rng(0).standard_normal((len(VOICE), 6))
OTHER = np.roll(VOICE[::-1], 5000)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def under(noise: np.ndarray, decibels: float) -> np.ndarray:
    """Noise so many dB below the voice."""
    return noise / rms(noise) * rms(VOICE) * 10 ** (-decibels / 20)


OPPOSED = {  # name: channels, number of the loudest
    "equal": ([VOICE, -VOICE], 0),
    "half": ([-0.5 * VOICE, VOICE], 1),
    "almost equal": ([VOICE, -0.98 * VOICE], 0),
    "under noise": ([VOICE + under(NOISE[:, 0], 12), -0.9 * VOICE + under(NOISE[:, 1], 12)], 0),
    "with offsets": ([VOICE + 0.3, 0.2 - 0.9 * VOICE], 0),
    "two pairs": ([0.5 * VOICE, -0.5 * VOICE, OTHER, -OTHER], 2),
    "beside silence": ([0 * VOICE, VOICE, -0.9 * VOICE], 1),
}
ORDINARY = {
    "the same twice": [VOICE, VOICE],
    "one is silent": [VOICE, 0 * VOICE],
    "both silent": [0 * VOICE, 0 * VOICE],
    "two voices": [VOICE, 0.7 * OTHER],
    "independent noise": [NOISE[:, 0] / 10, NOISE[:, 1] / 10],
    "a delay of 10 samples": [VOICE, np.roll(VOICE, 10)],
    "a voice in the middle of wide music": [VOICE + OTHER, VOICE - OTHER],
    "an offset against another": [VOICE / 10 + 0.4, VOICE / 10 - 0.4],
    "an opposed pair among six": [*(VOICE + under(NOISE[:, i], 20) for i in range(4)), 0.5 * OTHER, -0.5 * OTHER],
    "faint crosstalk, turned round": [VOICE, -0.05 * VOICE],
}


def written(path: Path, channels: list[np.ndarray]) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), SAMPLE_RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize("gain", [1e-3, 1.0, 1e30])
@pytest.mark.parametrize("name", OPPOSED)
def test_channels_in_opposite_phase_are_not_summed_unseen(tmp_path: Path, name: str, gain: float) -> None:
    channels, loudest = OPPOSED[name]
    path = written(tmp_path / "a.wav", [gain * channel for channel in channels])
    with pytest.warns(AudioWarning, match=r"a\.wav: its channels are in opposite phase") as caught:
        waveform = load_audio(path)
        assert np.array_equal(load_audio(path), waveform)
    assert len(caught) == 1  # once a file
    assert np.array_equal(waveform, load_audio(path, channel=loudest))


@pytest.mark.parametrize("gain", [1e-3, 1.0])
@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_channels_are_averaged_bit_for_bit(tmp_path: Path, name: str, gain: float) -> None:
    path = written(tmp_path / "a.wav", [gain * channel for channel in ORDINARY[name]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        waveform = load_audio(path)
    samples, _ = soundfile.read(path, dtype="float32")
    mean = samples.mean(axis=1, dtype=np.float64)
    peak = np.abs(mean).max()
    np.testing.assert_array_equal(waveform, (mean / peak if peak > 1 else mean).astype(np.float32))


def test_the_criterion_by_degrees() -> None:
    """Two of equal level, of which a share is common and the rest opposed: the border lies where 1 : 12 is left."""
    shares = np.linspace(0, 1, 101)
    found = [
        loudest_of_opposed([np.stack([s * OTHER + (1 - s) * VOICE, s * OTHER - (1 - s) * VOICE], axis=1, dtype="f4")])
        for s in shares
    ]
    opposed = [index is not None for index in found]
    assert opposed == sorted(opposed, reverse=True)  # one border
    border = shares[opposed.index(False)]
    assert (border / (1 - border)) ** 2 == pytest.approx(0.15 / 1.85, rel=0.15)


def test_an_array_of_samples_is_not_summed_to_silence_either() -> None:
    samples = np.stack([VOICE, -VOICE], axis=1, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(to_waveform(samples, SAMPLE_RATE), samples[:, 0])


# --- a channel that is named ------------------------------------------------------------------------------------------

STEREO = np.stack([VOICE, OTHER, 0.5 * VOICE], axis=1)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return written(tmp_path / "three.wav", list(STEREO.T))


def test_one_channel_several_all(three: Path) -> None:
    stored, _ = soundfile.read(three, dtype="float32")
    for channel, expected in ((0, stored[:, 0]), (2, stored[:, 2]), ((1,), stored[:, 1])):
        np.testing.assert_array_equal(load_audio(three, channel=channel), expected)
    mean = stored[:, [0, 1]].mean(axis=1, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(load_audio(three, channel=(0, 1)), mean)
    assert np.array_equal(load_audio(three, channel=(0, 1, 2)), load_audio(three))
    part = load_audio(three, channel=1, offset=0.5, duration=0.25)
    np.testing.assert_array_equal(part, stored[8000:12_000, 1])


def test_a_channel_that_is_not_there(three: Path, wav: Path) -> None:
    with pytest.raises(AudioError, match=r"three\.wav: has no channel 3: the file has 0 to 2"):
        load_audio(three, channel=(0, 3))
    with pytest.raises(AudioError, match="has no channel 1: the file has one, channel 0"):
        load_audio(wav, channel=1)
    with pytest.raises(AudioError, match="has no channel -1"):
        load_audio(three, channel=-1)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (1, 1), ([0, 2], (0, 2)), ([1], (1,)), ("average", None), (None, None)]
)
def test_the_key_of_a_manifest(
    tmp_path: Path, three: Path, value: object, expected: int | tuple[int, ...] | None
) -> None:
    path = tmp_path / "m.jsonl"
    record = {"audio_filepath": three.name, "duration": 1.5, "text": "A", "channel_selector": value}
    path.write_text(json.dumps(record) + "\n")
    (utterance,) = read_manifest(path)
    assert utterance.channel_selector == expected
    assert np.array_equal(load_utterance(utterance), load_audio(three, channel=expected))
    write_manifest(tmp_path / "again.jsonl", [utterance])
    assert read_manifest(tmp_path / "again.jsonl") == [utterance]


@pytest.mark.parametrize("value", [-1, 1.0, True, "0", "all", [], [0, "1"], [0.5], {}])
def test_a_key_that_names_no_channel(tmp_path: Path, three: Path, value: object) -> None:
    path = tmp_path / "m.jsonl"
    record = {"audio_filepath": three.name, "duration": 1.5, "text": "A", "channel_selector": value}
    path.write_text(json.dumps(record) + "\n")
    with pytest.raises(ManifestError, match=r"m\.jsonl, line 1: 'channel_selector' is .*, expected the number"):
        read_manifest(path)


def test_shards_keep_the_channel(tmp_path: Path, three: Path) -> None:
    utterances = [
        Utterance(three, 1.5, "A", "whole", channel_selector=1),
        Utterance(three, 0.5, "B", "part", offset=0.25, channel_selector=1),
        Utterance(three, 1.5, "C", "mean"),
    ]
    write_manifest(tmp_path / "m.jsonl", utterances)
    corpus = write_shards(tmp_path / "m.jsonl", tmp_path / "shards", shard_bytes=1 << 20, progress=lambda *_: None)
    (shard,) = corpus.shards
    packed = {utterance.id: load_utterance(utterance, sound) for utterance, sound in read_shard(shard)}
    for utterance in utterances:
        np.testing.assert_allclose(packed[utterance.id], load_utterance(utterance), atol=2**-15, rtol=0)


def test_doctor_hears_the_channel_that_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", [VOICE, 0 * VOICE, -VOICE])
    heard = {
        channel: check_audio(Utterance(path, 1.5, "A", "a", channel_selector=channel)) for channel in (0, 1, 2, 3, None)
    }
    asked = set(Kind) - {Kind.NARROW_BAND, Kind.DEAD_CHANNEL}  # a chord has few bands, and one channel is dead
    kinds = {channel: [f.kind for f in found.findings if f.kind in asked] for channel, found in heard.items()}
    assert kinds == {
        0: [],
        1: [Kind.SILENT],
        2: [],
        3: [Kind.UNREADABLE_SOUND],
        None: [Kind.DOUBTFUL],
    }
    assert len({found.key for found in heard.values()}) == 4  # 1 and 3 have none


def test_a_sound_knows_its_channels(three: Path) -> None:
    sound = read_sound(three, channel=(0, 1))
    assert (sound.num_channels, sound.loudest, sound.doubt) == (2, None, "")
    assert isinstance(sound, Sound)
