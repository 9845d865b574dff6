"""The output of the verbs: scores and statistics, as lines for people or as JSON for programs."""

import json
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.messages import complain
from asr.files import write_text
from asr.scoring import Score, UtteranceScore, aligned_listing, hints, summary_line
from asr.scoring.tables import failure_tables, table_lines

if TYPE_CHECKING:  # scoring needs no torch, which would take seconds to load
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from asr.corpus.audio_statistics import AudioStatistics
    from asr.corpus.manifest import Utterance
    from asr.scoring.failures import Failures
    from asr.scoring.systems import ScoredSystem
    from asr.tokens import Tokens
    from asr.tuning import Tuning


def print_scores(
    scores: "Mapping[str, Score]",
    *,
    as_json: bool,
    listing: bool,
    failures: "Mapping[str, Failures] | None" = None,
) -> None:
    """The scores of systems, by name, on stdout: one JSON object, or a line for people after the listing and the tables
    of failures, if asked for. Hints why they may mislead go to stderr. A single system is not named.
    """
    is_alone = len(scores) == 1
    for name, score in scores.items():
        for hint in hints(score):
            complain(hint if is_alone else f"{name}: {hint}")
    if as_json:
        records = {name: score.to_json() for name, score in scores.items()}
        for name, found in (failures or {}).items():
            records[name]["failures"] = found.to_json()
        print(json.dumps(next(iter(records.values())) if is_alone else {"systems": records}))
        return
    if listing:
        together = zip(*(score.utterances for score in scores.values()), strict=True)
        print(aligned_listing(side_by_side(list(scores), together), color=sys.stdout.isatty()))
    for each in failure_tables(failures) if failures else []:
        print(table_lines(each))
    for name, score in scores.items():
        print(summary_line(score) if is_alone else f"{name}: {summary_line(score)}")


def side_by_side(
    names: "Sequence[str]", utterances: "Iterable[Sequence[UtteranceScore]]"
) -> "Iterator[UtteranceScore]":
    """Each utterance as all systems have it, by the name of the system if there are several."""
    for together in utterances:
        for name, utterance in zip(names, together, strict=True):
            yield utterance if len(names) == 1 else replace(utterance, id=f"{utterance.id}, {name}")


def print_page(
    path: Path, systems: "Sequence[ScoredSystem]", references: Path, audio: Path | None, found: "Mapping[str, Failures]"
) -> None:
    """Write the page of scored files, and say on stderr what it has."""
    from asr.score_page.write import write_page

    num_sounds, num_utterances = write_page(path, systems, references, found, audio=audio)
    sounds = f", {num_sounds} of them with sound" if num_sounds or audio is not None else ""
    complain(f"{path}: {num_utterances} utterances{sounds}")


def complain_of_unwritable(manifest: Path, tokens: "Tokens", utterances: "Sequence[Utterance]") -> None:
    """Warn on stderr of words in a manifest that the model's tokens cannot write."""
    from asr.evaluation import unwritable_words

    words, num_words = unwritable_words(tokens, utterances)
    if words:
        complain(
            f"{manifest}: the model's tokens cannot write {len(words)} of the {num_words} words, such as "
            f"{words[0]!r:.80}, so these always count as errors; write the texts as the training "
            "texts are (upper or lower case, numbers as words, punctuation)"
        )


def write_hypotheses(path: Path, score: Score) -> None:
    """Ids and hypotheses as JSON lines, which `asr score` reads."""
    lines = [json.dumps({"id": u.id, "text": u.hypothesis}, ensure_ascii=False) for u in score.utterances]
    write_text(path, "".join(line + "\n" for line in lines))


def print_tuning(tuning: "Tuning", model: Path) -> None:
    """Print the result of tuning on stdout."""
    fusion, settings = tuning.best.settings.fusion, tuning.best.settings
    before, after = tuning.calibration_errors
    edge = ", at the edge of the values tried" if tuning.at_edge else ""
    any_beta = "" if tuning.beta_matters else "; every beta does equally well on dev: are its utterances single words?"
    rows = {
        "without language model": f"{tuning.percent(tuning.without):.2f} % word errors",
        "with": f"{tuning.percent(tuning.best):.2f} % of {tuning.num_words} words, on which the weights were chosen",
        "alpha, beta": f"{fusion.alpha:.3g}, {fusion.beta:.3g}{edge}{any_beta}",
        "letter of unknown word": f"{fusion.unknown_penalty:.3g}" if fusion.unit == "word" else "",
        "rescoring": f"{settings.rescoring_weight:.3g}" if settings.rescoring_weight else "",
        "beam": str(settings.beam_width),
        "confidence": f"expected calibration error {before:.3f}, calibrated {after:.3f}",
        "model": f"{model}, with a picture of what was tried: {model / 'tuning.png'}",
    }
    for name, value in rows.items():
        if value:
            print(f"{name:<24}{value}")


@contextmanager
def progress_bar() -> "Iterator[Callable[[str, int, int], None]]":
    """A function that shows what is being done, how much is done, and of how much; drawn only on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("")
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)


def print_statistics(statistics: "AudioStatistics", picture: Path) -> None:
    """The statistics of a sound file on stdout, one a line."""
    rows = {
        "format": f"{statistics.format}, {statistics.encoding}",
        "rate": f"{statistics.sample_rate} Hz",
        "channels": str(statistics.num_channels),
        "duration": f"{statistics.duration:.3f} s",
        "peak": f"{statistics.peak_level:.1f} dB",
        "loudness (RMS)": f"{statistics.rms_level:.1f} dB",
        "loud and quiet parts": f"{statistics.speech_level:.1f} dB, {statistics.noise_level:.1f} dB",
        "clipped samples": f"{100 * statistics.clipped:.3f} %",
        "DC offset": f"{statistics.dc_offset:+.5f}",
        "picture": str(picture),
    }
    for name, value in rows.items():
        print(f"{name:<22}{value}")
