"""Synthetic speech for training: prompts spoken by a voice, in tar shards that are added until there are enough hours.

    python -m recipes.english.synthesize --voice kokoro --hours 50 --prompts prompts.txt --out synthetic/kokoro

Utterance i speaks prompt i, counted from a place that depends on the voice, and all its randomness depends only on the
seed and i. So the same command makes the same speech, whether it ran through or was killed ten times; only the shard in
progress is lost. The folder is one of `asr shard`, 16 kHz FLAC.
"""

import argparse
import hashlib
import json
import math
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from asr.corpus.manifest import Utterance
from asr.errors import CorpusError
from asr.files import read_lines, write_text
from recipes.english.finish import Refused, finish
from recipes.english.growing import GrowingShards
from recipes.english.prompts import read_prompts
from recipes.english.voices import NAMES, load_voice
from recipes.english.voices.speech import Voice
from recipes.english_text import words_of
from recipes.stages import errors_told, say

PROMPTS_PER_SHARD = 100
MAX_REFUSED = 0.2  # share of a shard's utterances; if more, something is wrong with the voice


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides how each utterance sounds."""

    voice: str
    version: str
    seed: int
    prompts: str
    prompts_per_shard: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", choices=NAMES, required=True)
    parser.add_argument("--hours", type=float, required=True, help="total hours of speech to reach")
    parser.add_argument("--prompts", type=Path, required=True, help="made by recipes.english.prompts")
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards of this voice")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with errors_told("synthesize"):
        synthesize(
            arguments.voice, load_voice, arguments.prompts, arguments.out, hours=arguments.hours, seed=arguments.seed
        )


def synthesize(
    name: str,
    load: Callable[[str], Voice],
    prompts_file: Path,
    out: Path,
    *,
    hours: float,
    seed: int,
    prompts_per_shard: int = PROMPTS_PER_SHARD,
) -> None:
    """Add shards to `out` until it has `hours` of speech.

    Raises:
        CorpusError: the voice cannot be used or fails too often, there are no prompts, or `out` has shards of another
            voice, version, seed or other prompts.
        OutputError: a shard cannot be written.
    """
    prompts = read_prompts(prompts_file)
    voice = load(name)
    digest = hashlib.sha256(prompts_file.read_bytes()).hexdigest()
    _check_plan(Plan(name, voice.version, seed, digest, prompts_per_shard), out / "plan.json")
    with GrowingShards(out) as shards:
        while shards.hours < hours:
            start, before = _core_seconds(), shards.hours
            first = prompts_per_shard * len(shards)
            made = [_utterance(voice, name, prompts, seed, first + number) for number in range(prompts_per_shard)]
            spoken = [utterance for utterance in made if not isinstance(utterance, Refused)]
            if len(spoken) < (1 - MAX_REFUSED) * len(made):
                reasons = {refused.reason for refused in made if isinstance(refused, Refused)}
                raise CorpusError(f"{name}: {len(made) - len(spoken)} of {len(made)} utterances refused: {reasons}")
            shards.append(spoken)
            spent = _core_seconds() - start
            speed = (shards.hours - before) * 3600 / spent if spent else math.inf
            refused = len(made) - len(spoken)
            progress = f"{name}: {shards.hours:.2f} of {hours:g} h, {len(shards)} shards"
            say("synthesize", f"{progress}; the last: {speed:.2f} h a core-hour, {refused} refused")


def _utterance(
    voice: Voice, name: str, prompts: list[str], seed: int, number: int
) -> tuple[Utterance, bytes] | Refused:
    """Utterance `number` of a voice, with its sound as a FLAC file."""
    prompt = prompts[(crc32(name.encode()) + number) % len(prompts)]
    rng = np.random.default_rng([seed, number])
    try:
        speech = voice.say(prompt, rng)
        sound = finish(speech, num_letters=sum(map(len, words_of(prompt))), rng=rng)
    except CorpusError as error:
        sound = Refused(str(error))
    if isinstance(sound, Refused):
        print(f"{name} {number}: {sound.reason}: {prompt}", file=sys.stderr)
        return sound
    text = " ".join(words_of(prompt))
    return Utterance(Path("x.flac"), sound.seconds, text, f"{name}-{seed}-{number:07}", speech.speaker), sound.encoded


def _core_seconds() -> float:
    """CPU seconds of this process and the programs that it ran."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)  # os.times() counts in steps of 10 ms


def _check_plan(plan: Plan, record: Path) -> None:
    """Refuse to go on with a different plan from that of the existing shards."""
    now = json.dumps({name: getattr(plan, name) for name in Plan.__slots__}, indent=1) + "\n"
    if not record.exists():
        write_text(record, now)
    elif (before := "".join(f"{line}\n" for line in read_lines(record, CorpusError))) != now:
        raise CorpusError(
            f"{record}: the shards were begun otherwise; remove the folder, or give another --out. "
            f"Then: {' '.join(before.split())}; now: {' '.join(now.split())}"
        )


if __name__ == "__main__":
    main()
