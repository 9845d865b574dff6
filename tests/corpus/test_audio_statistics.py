"""Facts of a sound file against what was put into it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.corpus.audio_statistics import audio_statistics

SAMPLE_RATE = 16_000


def test_facts_are_those_of_the_file(tmp_path: Path) -> None:
    time = np.arange(48_000) / 48_000
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time) * (time >= 0.5)
    both = np.stack([tone + 0.125, tone - 0.0625], axis=1)
    both[:480, 0] = 1.5
    soundfile.write(tmp_path / "a.wav", both, 48_000, subtype="FLOAT")
    facts, waveform = audio_statistics(tmp_path / "a.wav")
    assert (facts.format, facts.encoding, facts.sample_rate, facts.num_channels) == ("WAV", "FLOAT", 48_000, 2)
    assert facts.duration == 1.0
    assert len(waveform) == SAMPLE_RATE
    assert facts.peak_level == pytest.approx(20 * np.log10(1.5), abs=0.01)  # heard nowhere after averaging
    assert facts.clipped == pytest.approx(480 / 96_000)
    assert facts.dc_offset == pytest.approx(both.mean(), abs=1e-6)
    assert facts.speech_level == pytest.approx(20 * np.log10(np.sqrt(0.5**2 / 2 + 0.03125**2)), abs=0.1)
    assert facts.noise_level == pytest.approx(20 * np.log10(0.03125), abs=0.1)


@pytest.mark.parametrize("num_samples", [1, 399, 401])
def test_facts_of_a_very_short_silence(tmp_path: Path, num_samples: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(num_samples), SAMPLE_RATE)
    facts, _ = audio_statistics(tmp_path / "a.wav")
    assert facts.peak_level == facts.rms_level == facts.noise_level == pytest.approx(-120)
    assert facts.clipped == 0
