"""What the verbs print: scores and facts, as lines for people or as JSON for programs."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from asr.files import write_text
from asr.scoring import Score, aligned_listing, summary_line

if TYPE_CHECKING:  # scoring needs no torch, which would take seconds to load
    from collections.abc import Callable, Iterator

    from asr.corpus.facts import AudioFacts
    from asr.tuning import Tuning


def print_score(score: Score, *, as_json: bool, listing: bool) -> None:
    """The score on stdout: one JSON object, or the line for people after the listing, if asked for."""
    if as_json:
        print(json.dumps(score.to_json()))
        return
    if listing:
        print(aligned_listing(score.utterances, color=sys.stdout.isatty()))
    print(summary_line(score))


def write_hypotheses(path: Path, score: Score) -> None:
    """Ids and hypotheses as JSON lines, which `asr score` reads."""
    lines = [json.dumps({"id": u.id, "text": u.hypothesis}, ensure_ascii=False) for u in score.utterances]
    write_text(path, "".join(line + "\n" for line in lines))


def print_tuning(tuning: "Tuning", model: Path) -> None:
    """What tuning has found, on stdout."""
    fusion, settings = tuning.best.settings.fusion, tuning.best.settings
    before, after = tuning.calibration_errors
    edge = ", at the edge of what was tried" if tuning.at_edge else ""
    rows = {
        "without language model": f"{tuning.percent(tuning.without):.2f} % word errors",
        "with": f"{tuning.percent(tuning.best):.2f} % of {tuning.num_words} words, on which the weights were chosen",
        "alpha, beta": f"{fusion.alpha:.3g}, {fusion.beta:.3g}{edge}",
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
    """A function that shows what is being done, how much is done, and of how much; drawn where a person watches."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("")
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)


def print_facts(facts: "AudioFacts", picture: Path) -> None:
    """The facts of a sound file on stdout, one a line."""
    rows = {
        "format": f"{facts.format}, {facts.encoding}",
        "rate": f"{facts.sample_rate} Hz",
        "channels": str(facts.num_channels),
        "duration": f"{facts.duration:.3f} s",
        "peak": f"{facts.peak_level:.1f} dB",
        "loudness (RMS)": f"{facts.rms_level:.1f} dB",
        "loud and quiet parts": f"{facts.speech_level:.1f} dB, {facts.noise_level:.1f} dB",
        "clipped samples": f"{100 * facts.clipped:.3f} %",
        "DC offset": f"{facts.dc_offset:+.5f}",
        "picture": str(picture),
    }
    for name, value in rows.items():
        print(f"{name:<22}{value}")
