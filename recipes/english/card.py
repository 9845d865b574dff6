"""The model card of the English model: all that was measured, as Markdown."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asr.scoring import Score
from recipes.english.conditions import ALONE_SECONDS, NUM_ALONE
from recipes.english.corpora import CORPORA, DEV_SETS, Corpus


@dataclass(frozen=True, slots=True)
class Usage:
    """Of `asr transcribe` on all of dev, in one process. `seconds_to_text`: from its start to the text of a recording
    of `short_seconds`."""

    sound_seconds_per_second: float
    num_cores: int
    peak_megabytes: float
    seconds_to_text: float
    short_seconds: float


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the card says. `dev`, `accents`, `conditions`: scores by name, with the language model; `train` and
    `voices`: manifests of real and of synthetic speech. `marks`: F1 in percent by text and mark, from the tagger."""

    num_weights: int
    num_bytes: int
    num_epochs: int
    core_hours: float
    train: Path
    dev: Mapping[str, Score]
    accents: Mapping[str, Score]
    conditions: Mapping[str, Score]
    num_heard_in_nothing: int
    usage: Usage
    synthetic_hours: Mapping[str, float] = field(default_factory=dict)
    marks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def model_card(facts: Facts) -> str:
    """The card.

    Raises:
        KeyError: `train` has a corpus that `CORPORA` does not name.
    """
    corpora = corpora_of(facts.train)
    hours = sum(seconds for _, _, seconds, _ in corpora) / 3600
    synthetic = sum(facts.synthetic_hours.values())
    spoken = f"{hours:.1f} hours of real speech" + (f" and {synthetic:g} of synthetic" if synthetic else "")
    sections = [
        f"# English: {facts.num_weights / 1e6:.1f} million weights, {spoken}",
        _INTRODUCTION.format(megabytes=facts.num_bytes / 1e6),
        "## How often it is wrong",
        "Word error rate (WER) on sets that were never trained on, but on which weights and settings were chosen, "
        "with the interval that holds the true rate in 95 of 100 cases:",
        _table(
            ["speech", "words", "WER", "CER"],
            [_rates(DEV_SETS.get(name, name), score) for name, score in facts.dev.items()],
        ),
        "By accent, as the speakers of Common Voice name theirs:",
        _table(["accent", "words", "WER", "CER"], [_rates(name, score) for name, score in facts.accents.items()]),
        "All of these, heard through",
        _table(["", "words", "WER", "CER"], [_rates(name, score) for name, score in facts.conditions.items()]),
        f"Of {NUM_ALONE} sounds of {ALONE_SECONDS:g} seconds without speech (noises, hums and melodies like those it "
        f"was trained with), {facts.num_heard_in_nothing} gave a text.",
        *_marks(facts.marks),
        "## What it is bad at",
        _BAD_AT,
        "## What it was trained on",
        _table(["corpus", "utterances", "hours", "speakers", "licence", "by"], [_corpus_row(*row) for row in corpora]),
        *_voices(facts.synthetic_hours),
        _TEXTS,
        f"Trained for {facts.num_epochs} epochs, {facts.core_hours:.1f} hours of one CPU core.",
        "## Speed and memory",
        _usage(facts.usage),
        "## To make it again",
        _AGAIN,
    ]
    return "\n\n".join(sections) + "\n"


_INTRODUCTION = """\
The model that `asr transcribe` takes where none is given: three layers of bidirectional LSTM, trained with CTC on
letters, a word 3-gram, and a tagger that puts capitals and marks; {megabytes:.1f} MB. It was made from little speech on
two CPU cores, and shows the toolkit at work. For your own recordings, go on from it (`asr train --from english`)."""

_BAD_AT = """\
- Names, foreign words and all that its 3-gram has not seen: it then writes what sounds alike.
- Free conversation, children, strong accents, several people at once: it has heard adults who read, most of them
  Americans, some speakers of Mandarin.
- Distance and noise, as the table shows. Music with words is heard as words."""

_TEXTS = """\
The language model and the tagger: books (public domain), modern English (textbooks, conversation, Wikipedia, prompts:
CC0, CC BY, CC BY-SA), and the transcripts of the speech."""

_AGAIN = """\
`python -m recipes.english.run --help`, then `python -m recipes.english.package --help`: all stages, from the archives
of the corpora to this folder."""


def corpora_of(manifest: Path) -> list[tuple[Corpus, int, float, int]]:
    """Each corpus of a training manifest with its utterances, seconds and speakers.

    Raises:
        KeyError: the manifest has a corpus that `CORPORA` does not name.
    """
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in manifest.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        found[record["corpus"]].append(record)
    return [
        (CORPORA[name], len(records), _seconds(records), len({record.get("speaker") for record in records}))
        for name, records in found.items()
    ]


def _seconds(records: Iterable[Mapping[str, Any]]) -> float:
    return sum(float(record["duration"]) for record in records)


def _corpus_row(corpus: Corpus, num_utterances: int, seconds: float, num_speakers: int) -> list[str]:
    counts = [f"{num_utterances:,}", f"{seconds / 3600:.2f}", str(num_speakers)]
    return [corpus.title, *counts, corpus.licence, corpus.attribution]


def _rates(name: str, score: Score) -> list[str]:
    interval = f"{score.wer:.1%} [{100 * score.wer_low:.1f}, {100 * score.wer_high:.1f}]"
    return [name, f"{score.num_words:,}", interval.replace("%", " %"), f"{100 * score.cer:.1f} %"]


def _marks(marks: Mapping[str, Mapping[str, float]]) -> list[str]:
    if not marks:
        return []
    names = list(next(iter(marks.values())))
    rows = [[text, *(f"{scores[name]:.1f}" for name in names)] for text, scores in marks.items()]
    return ["Capitals and marks, F1 in percent on running text that was held out:", _table(["text", *names], rows)]


def _voices(hours: Mapping[str, float]) -> list[str]:
    if not hours:
        return []
    return ["Synthetic speech: " + ", ".join(f"{number:g} hours of {name}" for name, number in hours.items()) + "."]


def _usage(usage: Usage) -> str:
    return (
        f"`asr transcribe` on all of dev, on {usage.num_cores} CPU cores: {usage.sound_seconds_per_second:.0f} times "
        f"as fast as it plays, {usage.peak_megabytes:.0f} MB of memory. From the start of the command to the text of a "
        f"recording of {usage.short_seconds:.0f} seconds: {usage.seconds_to_text:.1f} seconds."
    )


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
