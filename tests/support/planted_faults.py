"""Faults of real corpora, planted into a small one: each is a row of `FAULTS`.

A fault gets a healthy corpus of 1,000 lines in memory, and a row that it spoils. The kinds of findings that tell of it
are in the table, or the reason why none can. Faults of texts need the 1,000 lines, but no sound. Each is planted into
one corpus at a row of its own, but for those that need a corpus `alone`.
"""

import io
import json
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import soundfile
import soxr

from tests.support.planting import NUM_SOUNDS, NUM_TEXTS, WORDS, Fault, Planted, words
from tests.support.sick_corpus import RATE


def _text(name: str, change: Callable[[str], str], *kinds: str, why: str = "", alone: bool = False) -> Fault:
    return Fault(name, lambda c, row: c.text(row, change(c.records[row]["text"])), kinds, why, alone=alone)


def _record(name: str, *kinds: str, **values: object) -> Fault:
    def plant(corpus: Planted, row: int) -> None:
        corpus.records[row].update(values)
        corpus.spoilt.add(row)

    return Fault(name, plant, kinds)


def _line(name: str, change: Callable[[bytes], bytes], *kinds: str) -> Fault:
    def plant(corpus: Planted, row: int) -> None:
        corpus.lines[row] = change(json.dumps(corpus.records[row]).encode())
        corpus.spoilt.add(row)

    return Fault(name, plant, kinds)


def _sound(
    name: str, change: Callable[[np.ndarray], np.ndarray], *kinds: str, rate: int = RATE, why: str = ""
) -> Fault:
    return Fault(name, lambda c, row: c.sound(row, change(c.samples[row]), rate), kinds, why, by_text=False)


def _file(name: str, change: Callable[[bytes], bytes | None], *kinds: str) -> Fault:
    def plant(corpus: Planted, row: int) -> None:
        soundfile.write(file := io.BytesIO(), corpus.samples[row], RATE, subtype="PCM_16", format="WAV")
        corpus.files[row] = change(file.getvalue())
        corpus.spoilt.add(row)

    return Fault(name, plant, kinds, by_text=False)


def _copied(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Fault:
    def plant(corpus: Planted, row: int) -> None:
        copy = NUM_SOUNDS - 1 - row  # behind all originals; its text is as long as its sound
        corpus.sound(copy, change(corpus.samples[row]))
        corpus.records[copy]["text"] = corpus.records[row]["text"][::-1]

    return Fault(name, plant, ("duplicate-sound",), by_text=False)


def _swap_neighbours(corpus: Planted, *, alike: bool) -> None:
    """Two neighbours whose texts are of about the same, or of very different length."""
    lengths = [len(record["text"]) for record in corpus.records]
    ratios = [max(pair) / min(pair) for pair in pairwise(lengths)]
    first = int(np.argmin(ratios) if alike else np.argmax(ratios))
    one, two = (corpus.records[row]["text"] for row in (first, first + 1))
    corpus.text(first, two)
    corpus.text(first + 1, one)


def _shift(corpus: Planted, _row: int) -> None:
    texts = [record["text"] for record in corpus.records]
    for row in range(300, 500):
        corpus.text(row, texts[row - 1])


def _all(change: Callable[[str], str], every: int) -> Callable[[Planted, int], None]:
    def plant(corpus: Planted, _row: int) -> None:
        for row in range(0, NUM_TEXTS, every):
            corpus.text(row, change(corpus.records[row]["text"]))

    return plant


def _upsampled(samples: np.ndarray) -> np.ndarray:
    return soxr.resample(soxr.resample(samples, RATE, 8000), 8000, RATE)


def _linear(samples: np.ndarray) -> np.ndarray:
    few = soxr.resample(samples, RATE, 8000)
    return np.interp(np.arange(2 * len(few) - 1) / 2, np.arange(len(few)), few)


def _with_gaps(samples: np.ndarray) -> np.ndarray:
    changed = samples.copy()
    loud = np.argsort(-np.abs(np.convolve(np.abs(samples), np.ones(800), "same")))
    changed[loud[0] - 160 : loud[0] + 160] = 0
    return changed


def _decoded(samples: np.ndarray, format: str, subtype: str) -> np.ndarray:
    soundfile.write(file := io.BytesIO(), samples, RATE, format=format, subtype=subtype)
    file.seek(0)
    return soundfile.read(file)[0]


def _noise(samples: np.ndarray) -> np.ndarray:
    return 0.05 * np.random.default_rng(5).standard_normal(len(samples)).clip(-4, 4)


def _tone(samples: np.ndarray) -> np.ndarray:
    return 0.1 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / RATE)


def _tune(samples: np.ndarray) -> np.ndarray:
    """Plucked strings: sawtooths that fade."""
    time = np.arange(len(samples)) / RATE
    note = (4 * time).astype(int)
    phase = np.cumsum(np.array([220, 277, 330, 440])[note % 4] / RATE)
    return 0.2 * (phase % 1 - 0.5) * np.exp(-12 * (time % 0.25))


def _doubled_key(line: bytes) -> bytes:
    return line.replace(b'"id"', b'"text": "ANOTHER TEXT", "id"')


def _stereo(*gains: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda samples: np.stack([gain * samples for gain in gains], axis=1)


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE))


FAULTS = [
    # Lines.
    _line("half a line", lambda x: x[: len(x) // 2], "broken-line"),
    _line("not UTF-8", lambda x: x.replace(b'"text": "', b'"text": "\xe9'), "broken-line"),
    _line("a key twice", _doubled_key, "broken-line"),
    _line("the same key and value twice", lambda x: x.replace(b'"id"', b'"speaker": "s", "id"'), "broken-line"),
    _line("a carriage return", lambda x: x + b"\r", "crlf"),
    _line("an array", lambda x: b"[" + x + b"]", "broken-line"),
    _line("two objects in a line", lambda x: x + x, "broken-line"),
    _record("duration NaN", "broken-line", duration=float("nan")),
    _record("duration negative", "broken-line", duration=-1.0),
    _record("duration as text", "broken-line", duration="2.5"),
    _record("duration in milliseconds", "too-long", "speaking-rate", duration=2500.0),
    _record("text missing", "broken-line", text=None),
    _record("text a list", "broken-line", text=["A", "B"]),
    _record("id of another line", "doubled-id", id="u0003"),
    # Texts.
    _text("empty", lambda t: "", "empty-text"),
    _text("white space alone", lambda t: " \t", "empty-text"),
    _text("one in small letters", str.lower, "other-case", "rare-character", alone=True),
    _text("one in title case", str.title, "other-case", "rare-character"),
    _text("one as a sentence", str.capitalize, "other-case", "rare-character"),
    Fault("one in ten in small letters", _all(str.lower, 10), ("other-case", "rare-character"), alone=True),
    _text("22 digits", lambda t: t + " 0123456789012345678901", "rare-character", alone=True),
    _text("one number", lambda t: t + " 7", "rare-character"),
    _text("full stop", lambda t: t + ".", "rare-character"),
    _text("Cyrillic A", lambda t: t.replace("A", "\u0410"), "rare-character", "mixed-scripts"),
    Fault("Cyrillic A in a third", _all(lambda t: t + " \u0410ND", 3), ("mixed-scripts",), alone=True),
    _text("NFD", lambda t: t + " CAFE\u0301", "unicode-form"),
    _text("no-break space", lambda t: t.replace(" ", "\u00a0", 1), "white-space"),
    _text("two spaces", lambda t: t.replace(" ", "  ", 1), "white-space"),
    _text("line feed", lambda t: t.replace(" ", "\n", 1), "white-space"),
    _text("zero-width space", lambda t: t[:4] + "\u200b" + t[4:], "invisible-character", "rare-character"),
    Fault("soft hyphens in a third", _all(lambda t: "\u00ad" + t, 3), ("invisible-character",), alone=True),
    _text("mojibake", lambda t: t + " CAF\u00c3\u2030", "broken-characters", "rare-character"),
    Fault("mojibake in a third", _all(lambda t: t + " CAF\u00c3\u2030", 3), ("broken-characters",), alone=True),
    _text("replacement character", lambda t: t + " CAF\ufffd", "broken-characters", "rare-character"),
    _text("HTML entity", lambda t: t + " &AMP; SO", "markup", "rare-character"),
    Fault("noise marks in a third", _all(lambda t: t + " [NOISE]", 3), ("markup",), alone=True),
    Fault("tags in a third", _all(lambda t: f"<B>{t}</B>", 3), ("markup",), alone=True),
    _text("escapes written out", lambda t: t + "\\N".lower(), "markup", "rare-character"),
    _text("null", lambda t: "NULL", "not-speech"),
    Fault("the id is the text", lambda c, row: c.text(row, c.records[row]["id"]), ("not-speech", "rare-character")),
    _text("dots alone", lambda t: "...", "not-speech", "rare-character"),
    _text("a loop", lambda t: "AND THEN " * 9 + "AND", "repetition"),
    _text("text of another line", lambda t: words(3).upper(), "duplicate-text"),
    _text("half of the text is missing", lambda t: t[: len(t) // 5].strip(), "speaking-rate"),
    _text("far too long for the sound", lambda t: " ".join(WORDS * 2).upper(), "too-short-for-text", "speaking-rate"),
    _text(
        "one word is wrong",
        lambda t: t.replace("THE", "THAT") + " SO",
        why="texts and sounds that are about as long as each other need a model",
    ),
    # Whose text it is.
    Fault(
        "neighbours of unlike length have changed places",
        lambda c, _: _swap_neighbours(c, alike=False),
        ("speaking-rate",),
        alone=True,
    ),
    Fault(
        "neighbours of like length have changed places",
        lambda c, _: _swap_neighbours(c, alike=True),
        why="texts and sounds that are about as long as each other need a model",
        alone=True,
    ),
    Fault("200 texts one line too low", _shift, ("shifted-texts",), alone=True),
    # Files.
    _file("no file", lambda x: None, "missing-sound"),
    _file("a page of errors", lambda x: b"<html>404</html>" * 50, "unreadable-sound"),
    _file("cut short", lambda x: x[: len(x) // 2], "truncated-sound"),
    _file("a file of one byte", lambda x: b"\0", "unreadable-sound", "truncated-sound"),
    # Sounds.
    _sound("digital silence", lambda x: 0 * x, "silent"),
    _sound("hardly a bit", lambda x: x / 3000, "nearly-silent", "silent"),
    _sound("40 dB too quiet", lambda x: x / 100, "nearly-silent"),
    _sound("noise alone", _noise, "noise-only"),
    _sound("a tone alone", _tone, "noise-only"),
    _sound("clipped at full scale", lambda x: np.clip(20 * x, -1, 1), "clipped"),
    _sound("clipped at half", lambda x: np.clip(6 * x, -0.5, 0.5), "clipped"),
    _sound("clipped at a tenth", lambda x: np.clip(x, -0.1, 0.1), "clipped"),
    _sound("clipped on one side", lambda x: np.clip(x, -1, 0.08), "clipped"),
    _sound(
        "clipped at a tenth, then through Opus",
        lambda x: _decoded(np.clip(x, -0.1, 0.1), "OGG", "OPUS"),
        why="the codec has bent the flat tops, and leaves no more samples near the peak than speech has",
    ),
    _sound("constant offset", lambda x: x + 0.1, "dc-offset"),
    _sound("8 kHz at 16", _upsampled, "narrow-band"),
    _sound("8 kHz at 16 by repetition", lambda x: np.repeat(soxr.resample(x, RATE, 8000), 2), "narrow-band"),
    _sound("8 kHz at 16 by straight lines", _linear, "narrow-band"),
    _sound("8 kHz", lambda x: soxr.resample(x, RATE, 8000), "mixed-sample-rates", rate=8000),
    _sound("16 kHz called 8 kHz", lambda x: x, "mixed-sample-rates", rate=8000),
    _sound("the second channel is dead", _stereo(1, 0), "dead-channel"),
    _sound("channels in opposite phase", _stereo(1, -0.95), "doubtful-sound"),
    _sound("ten seconds of zeros behind", lambda x: np.concatenate([x, _silence(10)]), "long-silence"),
    _sound("ten seconds of zeros before", lambda x: np.concatenate([_silence(10), x]), "long-silence"),
    _sound("ten seconds of room noise behind", lambda x: np.r_[x, _noise(_silence(10)) / 60], "long-silence"),
    _sound("packets lost", _with_gaps, "dropouts"),
    _sound("only a click of sound", lambda x: np.concatenate([x[:3000], 0 * x, 0 * x]), "long-silence"),
    _sound("a part of the sound is missing", lambda x: x[: len(x) // 6], "too-short-for-text", "speaking-rate"),
    _sound(
        "a tune", _tune, why="it has notes and rests as speech has syllables and pauses, which needs a model to tell"
    ),
    _copied("the same samples", lambda x: x),
    _copied("a copy 12 dB quieter", lambda x: x / 4),
    _copied("a copy in opposite phase", lambda x: -x),
    _copied("a copy through Opus", lambda x: _decoded(x, "OGG", "OPUS")),
]  # fmt: skip
