"""Sound files of all kinds for the tests of reading them.

The sound is a chord of five tones under an envelope, written down as a formula of time, so that it can be sampled at
any rate without a resampler.
"""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soundfile

Make: TypeAlias = Callable[..., Path]  # the fixture `make` of tests/audio

SAMPLE_RATE = 16_000
SECONDS = 1.5
TONES = {200: 0.10, 400: 0.08, 800: 0.08, 1400: 0.06, 2600: 0.05}  # Hz: amplitude; all below the 4 kHz of telephones
LOSSY = ("mp3", "opus", "vorbis")


def chord(rate: int) -> np.ndarray:
    time = np.arange(round(SECONDS * rate)) / rate
    envelope = 0.6 + 0.4 * np.sin(2 * np.pi * 2 * time) * np.sin(np.pi * time / SECONDS)
    return envelope * sum(a * np.sin(2 * np.pi * f * time) for f, a in TONES.items())


def encoded(samples: np.ndarray, rate: int, format: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return file.getvalue()


KINDS = {
    "wav": ("WAV", "PCM_16"),
    "wav 24 bit": ("WAV", "PCM_24"),
    "wav 32 bit": ("WAV", "PCM_32"),
    "wav 8 bit": ("WAV", "PCM_U8"),
    "wav float": ("WAV", "FLOAT"),
    "wav double": ("WAV", "DOUBLE"),
    "wav mu-law": ("WAV", "ULAW"),
    "wavex": ("WAVEX", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "flac 24 bit": ("FLAC", "PCM_24"),
    "sphere": ("NIST", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def wav_bytes(samples: np.ndarray | None = None) -> bytes:
    return encoded(chord(SAMPLE_RATE) if samples is None else samples, SAMPLE_RATE, "WAV", "PCM_16")


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


LIST = chunk(b"LIST", b"INFO" + chunk(b"ISFT", b"Lavf58."))


def mp3_frames(content: bytes) -> list[int]:
    """Where the frames of an MPEG-2 layer III file at 16 kHz start, by the standard's table of bit rates."""
    rates = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
    starts, position = [], 0
    while position < len(content):
        starts.append(position)
        assert content[position] == 0xFF
        position += 72 * 1000 * rates[content[position + 2] >> 4] // 16_000 + (content[position + 2] >> 1 & 1)
    return starts


def likeness(waveform: np.ndarray) -> float:
    """The highest correlation with the reference, 1 if equal but for delay and gain."""
    size = 4 * len(waveform)
    spectra = [np.fft.rfft(signal, size) for signal in (waveform, chord(SAMPLE_RATE))]
    products = np.fft.irfft(spectra[0] * spectra[1].conj(), size)
    return float(products.max() / np.linalg.norm(waveform) / np.linalg.norm(chord(SAMPLE_RATE)))
