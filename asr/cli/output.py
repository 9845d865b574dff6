"""What the verbs print: scores and facts, as lines for people or as JSON for programs."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr.files import write_text
from asr.scoring import Score, aligned_listing, summary_line

if TYPE_CHECKING:  # scoring needs no torch, which would take seconds to load
    from asr.corpus.facts import AudioFacts


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
