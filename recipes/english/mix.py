"""Stage mix: a training manifest of real and synthetic speech.

    python -m recipes.english.mix --real train.jsonl --times 3 --synthetic synthetic/kokoro=20 \
        --synthetic synthetic/hibari=20 --out train_mixed.jsonl

It has the first hours of each folder of shards, and every real utterance `--times` times, which sets the share of real
speech; augmentation makes each repetition different. The sounds of shards are unpacked, once, into `sounds/` beside
them, since a training with concatenation needs access to any two utterances.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.corpus.shards import ShardedCorpus, read_index, read_shard
from asr.errors import CorpusError
from asr.files import atomic_path
from recipes.stages import errors_told, say


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, action="append", required=True, help="manifest of real speech")
    parser.add_argument("--times", type=int, default=1, help="how often each real utterance is in the mixture")
    parser.add_argument("--synthetic", action="append", default=[], metavar="SHARDS=HOURS")
    parser.add_argument("--out", type=Path, required=True, help="the manifest")
    arguments = parser.parse_args()
    with errors_told("mix"):
        synthetic = dict(_folder_and_hours(text) for text in arguments.synthetic)
        write_mixture(arguments.real, arguments.times, synthetic, arguments.out)


def write_mixture(real: Sequence[Path], times: int, synthetic: dict[Path, float], out: Path) -> None:
    """Write the manifest `out`; repeated real utterances have `-2`, `-3` and so on after their ids.

    Raises:
        ManifestError, CorpusError: a manifest or a folder of shards cannot be read, or has not the hours.
        OutputError: a file cannot be written.
    """
    once = [utterance for path in real for utterance in read_manifest(path)]
    utterances = list(once)
    for time in range(2, times + 1):
        utterances += [replace(utterance, id=f"{utterance.id}-{time}") for utterance in once]
    num_real = len(utterances)
    for folder, hours in synthetic.items():
        utterances += _first_hours(folder, hours)
    write_manifest(out, utterances)
    seconds = [utterance.duration for utterance in utterances]
    share = sum(seconds[:num_real]) / sum(seconds)
    say("mix", f"{out}: {len(utterances)} utterances, {sum(seconds) / 3600:.2f} h, {share:.0%} of it real")


def _first_hours(folder: Path, hours: float) -> list[Utterance]:
    corpus, found, seconds = read_index(folder), list[Utterance](), 0.0
    for utterance in _unpacked(corpus):
        if seconds >= hours * 3600:
            return found
        found.append(utterance)
        seconds += utterance.duration
    if seconds < hours * 3600:
        raise CorpusError(f"{folder}: has {seconds / 3600:.2f} h, expected {hours:g}")
    return found


def _unpacked(corpus: ShardedCorpus) -> Iterator[Utterance]:
    for shard in corpus.shards:
        sounds = corpus.folder / "sounds" / shard.path.stem
        for utterance, sound in read_shard(shard):
            path = sounds / sound.path.name
            if not (path.is_file() and path.stat().st_size == len(sound.content)):
                with atomic_path(path) as temporary:
                    temporary.write_bytes(sound.content)
            yield replace(utterance, audio_filepath=path)


def _folder_and_hours(text: str) -> tuple[Path, float]:
    folder, _, hours = text.rpartition("=")
    try:
        return Path(folder), float(hours)
    except ValueError:
        raise CorpusError(f"--synthetic {text}: expected a folder of shards and hours: SHARDS=HOURS") from None


if __name__ == "__main__":
    main()
