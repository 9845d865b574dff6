"""Effects on the waveform, each by its own measurement: what was asked for is what is heard."""

import io
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asr.corpus.effects.codec import CODECS, COMPRESSIONS, transcode
from asr.corpus.effects.level import change_volume, clip, speech_mask
from asr.corpus.effects.noise import add_noise, babble, coloured_noise, speech_shaped_noise
from asr.corpus.effects.room import early_echoes, reverberate, room_response
from asr.corpus.effects.telephone import LAWS, quantise, telephone

RATE = 16_000
BURST = slice(RATE, 2 * RATE)  # the second of `burst` in which there is sound


@pytest.fixture(scope="module")
def burst() -> np.ndarray:
    """A second of a tone in four seconds of hiss 60 dB below it."""
    samples = 1e-4 * np.random.default_rng(0).standard_normal(4 * RATE)
    samples[BURST] += 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    return samples.astype(np.float32)


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2))


def decibels(ratio: float) -> float:
    return 10 * np.log10(ratio)


def band_power(samples: np.ndarray, low: float, high: float) -> float:
    """Mean power of the lines of the spectrum between two frequencies, in decibels."""
    lines = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples)))) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE)
    return decibels(lines[(frequency >= low) & (frequency < high)].mean())


def lag(late: np.ndarray, early: np.ndarray) -> int:
    """Samples by which `late` comes after `early`, where they are most alike."""
    size = 2 * len(early)
    likeness = np.fft.irfft(np.fft.rfft(late, size) * np.conj(np.fft.rfft(early, size)))
    best = int(likeness.argmax())
    return best if best < len(early) else best - size


# --- level ------------------------------------------------------------------------------------------------------------


def test_speech_is_where_the_sound_is(burst: np.ndarray) -> None:
    mask = speech_mask(burst)
    assert np.flatnonzero(mask).tolist() == list(range(BURST.start, BURST.stop))
    assert speech_mask(np.zeros(1000, np.float32)).all()


@pytest.mark.parametrize("wanted", [-20.0, -6.0, 0.0, 6.0])
def test_volume_in_decibels(speechlike: np.ndarray, wanted: float) -> None:
    quiet = 0.5 * speechlike
    assert decibels(power(change_volume(quiet, wanted)) / power(quiet)) == pytest.approx(wanted, abs=1e-3)


def test_volume_stops_at_full_scale_without_clipping(speechlike: np.ndarray) -> None:
    loud = change_volume(speechlike, 40.0)
    assert np.abs(loud).max() == 1.0
    np.testing.assert_allclose(loud, speechlike / np.abs(speechlike).max(), atol=1e-6)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.2])
def test_clipping_cuts_off_the_share_that_was_asked_for(burst: np.ndarray, share: float) -> None:
    voice = burst * np.linspace(0.5, 1, len(burst), dtype=np.float32)  # no two peaks are equal
    clipped = clip(voice, share)
    cut = clipped != voice
    assert cut[BURST].mean() == pytest.approx(share, abs=2 / RATE)
    assert np.abs(voice[cut]).min() >= np.abs(clipped).max()
    assert not cut[: BURST.start].any()


# --- noise ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snr", [-5.0, 5.0, 25.0])
@pytest.mark.parametrize("kind", ["white", "brown", "crowd"])
def test_speech_is_as_far_above_the_noise_as_was_asked_for(burst: np.ndarray, kind: str, snr: float) -> None:
    rng = generator()
    noise = {
        "white": lambda: coloured_noise(len(burst), 0.0, rng),
        "brown": lambda: coloured_noise(len(burst), 6.0, rng),
        "crowd": lambda: babble([], len(burst), rng),
    }[kind]()
    added = add_noise(burst, 7 * noise, snr).astype(np.float64) - burst
    assert decibels(power(burst[BURST]) / power(added[BURST])) == pytest.approx(snr, abs=0.5)
    assert np.corrcoef(added, noise)[0, 1] > 0.999


def test_noise_that_goes_beyond_full_scale_keeps_its_distance_to_the_speech(speechlike: np.ndarray) -> None:
    noise = coloured_noise(len(speechlike), 0.0, generator())
    mixed = add_noise(2 * speechlike, noise, 0.0)
    assert np.abs(mixed).max() == 1.0
    (speech_gain, noise_gain), *_ = np.linalg.lstsq(np.stack([speechlike, noise], axis=1), mixed, rcond=None)
    speaking = speech_mask(speechlike)
    ratio = power(speech_gain * speechlike[speaking]) / power(noise_gain * noise[speaking])
    assert decibels(ratio) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("drop", [0.0, 3.0, 6.0, 12.0])
def test_coloured_noise_falls_from_octave_to_octave(drop: float) -> None:
    noise = coloured_noise(8 * RATE, drop, generator())
    octaves = np.arange(7, 13)  # 128 Hz to 4096 Hz
    levels = [band_power(noise, 2.0**octave / 1.2, 2.0**octave * 1.2) for octave in octaves]
    assert np.polyfit(octaves, levels, 1)[0] == pytest.approx(-drop, abs=0.5)


def test_speech_shaped_noise_has_the_average_spectrum_of_speech() -> None:
    """Against third octaves between those that it is made from (Byrne et al. 1994, table 2)."""
    published = {160: 56.8, 200: 60.2, 315: 59.0, 400: 62.1, 630: 60.5, 800: 56.8, 1600: 52.0, 3150: 46.8, 6300: 44.3}
    noise = speech_shaped_noise(20 * RATE, generator())
    third = 2 ** (1 / 6)
    found = [band_power(noise, f / third, f * third) + decibels(f) for f in published]
    difference = np.array(found) - np.array(list(published.values()))
    assert np.abs(difference - difference.mean()).max() < 3.5
    assert np.std(difference) < 2


def test_babble_has_the_spectrum_of_its_voices_and_none_is_louder(speechlike: np.ndarray) -> None:
    time = np.arange(RATE, dtype=np.float32) / RATE
    low, high = (np.sin(2 * np.pi * f * time).astype(np.float32) for f in (500, 3000))
    crowd = babble([0.5 * low, 0.01 * high, np.zeros(5, np.float32)], 3 * RATE, generator())
    assert band_power(crowd, 490, 510) == pytest.approx(band_power(crowd, 2990, 3010), abs=0.1)
    assert power(crowd) == pytest.approx(2, rel=0.01)

    voices = [np.roll(speechlike, 3000 * n) for n in range(5)]
    crowd = babble(voices, 2 * RATE, generator())
    edges = 100 * 2 ** np.arange(0, 6.5, 0.5)
    spectra = np.array([[band_power(s, low, high) for low, high in pairwise(edges)] for s in (crowd, speechlike)])
    assert np.corrcoef(*spectra)[0, 1] > 0.95
    loudness = [power(part) for part in (speechlike.reshape(-1, 800), crowd.reshape(-1, 800)) for part in part]
    pauses = np.array(loudness).reshape(2, -1)
    assert pauses[1].min() / pauses[1].mean() > 10 * pauses[0].min() / pauses[0].mean()  # somebody always speaks


# --- room -------------------------------------------------------------------------------------------------------------


def schroeder_rt60(response: np.ndarray) -> float:
    """Seconds for 60 dB, from the fall of the energy that is still to come, between -5 and -35 dB (ISO 3382, T30)."""
    rest = np.cumsum(response[::-1] ** 2)[::-1]
    level = 10 * np.log10(rest / rest[0])
    fit = (level <= -5) & (level >= -35)
    return -60 / np.polyfit(np.flatnonzero(fit) / RATE, level[fit], 1)[0]


@pytest.mark.parametrize("rt60", [0.1, 0.2, 0.4, 0.8, 2.0])
def test_sound_falls_by_60_decibels_in_the_time_that_was_asked_for(rt60: float) -> None:
    times = [schroeder_rt60(room_response(rt60, generator(seed))) for seed in range(40)]
    assert min(times) > 0.8 * rt60
    assert max(times) < 1.2 * rt60
    assert np.median(times) == pytest.approx(rt60, rel=0.06)


def test_first_echoes_are_those_of_the_six_walls() -> None:
    size, source, microphone = np.array([6.0, 4.0, 3.0]), np.array([1.5, 1.4, 1.2]), np.array([4.2, 2.3, 1.7])
    response = early_echoes(size, source, microphone, rt60=0.4)
    direct = np.linalg.norm(source - microphone)
    assert response[0] == 1
    volume, surface = 72.0, 2 * (24 + 18 + 12)
    kept = np.sqrt(np.exp(-0.1611 * volume / (surface * 0.4)))  # Eyring: T = 0.161 V / (-S ln(1 - absorption))
    expected = np.zeros_like(response)
    for axis in range(3):
        for wall in (0.0, size[axis]):
            image = source.copy()
            image[axis] = 2 * wall - source[axis]
            path = np.linalg.norm(image - microphone)
            expected[round((path - direct) / 343 * RATE)] -= kept * direct / path
    walls = np.flatnonzero(expected)
    assert len(walls) == 6
    np.testing.assert_allclose(response[walls], expected[walls], rtol=2e-3)
    assert np.flatnonzero(response)[1:4].tolist() == walls[:3].tolist()  # then the first echo by two walls comes


def test_reverberation_moves_no_word_and_keeps_the_level(speechlike: np.ndarray) -> None:
    clicks = np.zeros(2 * RATE, np.float32)
    clicks[[4000, 20_000]] = 0.5
    for seed in range(10):
        echoing = reverberate(clicks, 0.4, generator(seed))
        assert not echoing[:4000].round(6).any()
        assert echoing[4000] == np.abs(echoing[:20_000]).max()
        wet = reverberate(0.3 * speechlike, 0.4, generator(seed))
        assert decibels(power(wet) / power(0.3 * speechlike)) == pytest.approx(0, abs=0.01)


# --- telephone --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_a_telephone_lets_through_300_to_3400_hertz(law: Literal["mu", "A"]) -> None:
    noise = (0.1 * generator().standard_normal(4 * RATE)).astype(np.float32)
    heard = telephone(noise, law)
    inside = band_power(heard, 400, 3300)
    assert inside == pytest.approx(band_power(noise, 400, 3300), abs=0.2)
    for low, high in ((0, 150), (3800, 5000), (5000, 8000)):
        assert band_power(heard, low, high) < inside - 30
    assert lag(heard, noise) == 0


@pytest.mark.parametrize(("law", "encoding"), [("mu", "ULAW"), ("A", "ALAW")])
def test_the_steps_are_those_of_g711(law: Literal["mu", "A"], encoding: str) -> None:
    every = np.arange(-32_767, 32_768, dtype=np.int16)
    inside = every[np.abs(every.astype(int)) % 16 != 0]  # at an edge, signs are rounded to different sides
    file = io.BytesIO()
    soundfile.write(file, inside, 8000, format="WAV", subtype=encoding)
    file.seek(0)
    expected, _ = soundfile.read(file, dtype="int16")
    np.testing.assert_array_equal(quantise(inside / 2.0**15, law) * 2.0**15, expected)


@pytest.mark.parametrize("law", LAWS)
def test_loud_and_quiet_sounds_have_nearly_the_same_distance_to_the_quantisation_noise(law: Literal["mu", "A"]) -> None:
    tone = np.sin(2 * np.pi * 0.12345 * np.arange(RATE))
    for level, least in ((-3, 37), (-20, 37), (-30, 34), (-40, 29)):  # ITU-T G.712 asks for 33, 33, 33 and 27
        quiet = 10 ** (level / 20) * tone
        assert least < decibels(power(quiet) / power(quantise(quiet, law) - quiet)) < 41


# --- codecs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("end", [0, 1])
def test_a_codec_changes_the_sound_but_not_its_length_or_place(
    speechlike: np.ndarray, codec: Literal["vorbis", "opus", "mp3"], end: int
) -> None:
    for length in (len(speechlike), 9001):
        # Among noise there is only one place where it fits best.
        voice = change_volume(add_noise(speechlike, speech_shaped_noise(len(speechlike), generator()), 20.0), -6.0)[
            :length
        ]
        coded = transcode(voice, codec, COMPRESSIONS[codec][end])
        assert len(coded) == length
        assert abs(lag(coded, voice)) <= 1
        loss = decibels(power(voice) / power(coded - voice))
        assert 3 < loss < 30


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_says_nothing_and_takes_the_shortest_sound(
    codec: Literal["vorbis", "opus", "mp3"], capfd: pytest.CaptureFixture[str]
) -> None:
    for length in (1, 2, 100):
        assert len(transcode(np.full(length, 0.1, np.float32), codec, COMPRESSIONS[codec][1])) == length
    assert capfd.readouterr() == ("", "")


# --- all of them ------------------------------------------------------------------------------------------------------


def coded(codec: Literal["vorbis", "opus", "mp3"], x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return transcode(x, codec, COMPRESSIONS[codec][0])


EFFECTS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "volume": lambda x, rng: change_volume(x, rng.uniform(-6, 6)),
    "clip": lambda x, rng: clip(x, rng.uniform(0.001, 0.02)),
    "noise": lambda x, rng: add_noise(x, coloured_noise(len(x), 6.0, rng), 10.0),
    "babble": lambda x, rng: add_noise(x, babble([x[::-1], x], len(x), rng), 10.0),
    "crowd": lambda x, rng: add_noise(x, speech_shaped_noise(len(x), rng), 10.0),
    "room": lambda x, rng: reverberate(x, 0.3, rng),
    "telephone mu": lambda x, rng: telephone(x, "mu"),
    "telephone A": lambda x, rng: telephone(x, "A"),
    **{codec: partial(coded, codec) for codec in CODECS},
}
RANDOM = ("volume", "noise", "babble", "crowd", "room")


@pytest.mark.parametrize("name", EFFECTS)
@given(length=st.integers(1, 2000), scale=st.sampled_from([0.0, 1e-5, 0.1, 1.0]), seed=st.integers(0, 100))
def test_any_sound_stays_a_sound_of_its_length(name: str, length: int, scale: float, seed: int) -> None:
    waveform = (scale * generator(seed).choice([-1.0, 1.0, 0.3], length)).astype(np.float32)
    before = waveform.copy()
    changed = EFFECTS[name](waveform, generator(seed))
    assert changed.dtype == np.float32
    assert changed.shape == waveform.shape
    assert np.abs(changed).max() <= 1.0
    np.testing.assert_array_equal(waveform, before)


@pytest.mark.parametrize("name", EFFECTS)
def test_one_seed_gives_one_sound(speechlike: np.ndarray, name: str) -> None:
    first, again, other = (EFFECTS[name](speechlike, generator(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, speechlike)
    assert np.array_equal(first, other) == (name not in RANDOM and name != "clip")
