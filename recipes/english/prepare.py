"""Stage prepare: real speech, given or downloaded -> manifests with words in upper case, in one folder.

    python -m recipes.english.prepare --data data/english --train-clean-5 train-clean-5-opus.tar \
        --an4 an4_sphere.tar.gz --extra english-extra.tar
    python -m recipes.english.prepare --data data/english --librispeech train-clean-100 --librispeech train-clean-360

| manifest | what |
|---|---|
| `train.jsonl` | all training speech read by adults |
| `train_children.jsonl` | the part of `--extra` read by children (`age` below `CHILD_BELOW`), for experiments |
| `dev_librispeech.jsonl`, `dev_<corpus of --extra>.jsonl` | for choices; never trained on |
| `an4/{train,dev,test}.jsonl` | as the AN4 recipe has them; train is a part of `train.jsonl`, the others are not |

A line has, beside a manifest's own keys, `corpus`, and `age`, `gender`, `accent` or `native_language` where known.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asr.corpus.manifest import Utterance, format_line, parse_line, read_manifest
from asr.errors import CorpusError
from asr.fetch.archive import unpack
from asr.files import read_lines, write_text
from recipes.an4.run import prepare_corpus as prepare_an4
from recipes.common_voice.run import prepare as prepare_common_voice
from recipes.english_text import words_of
from recipes.librispeech.prepare import prepare_part
from recipes.mini_librispeech.run import prepare_train as prepare_train_clean_5
from recipes.stages import errors_told, say, say_sizes

LIBRISPEECH = ("train-clean-100", "train-clean-360", "train-other-500")
CHILD_BELOW = 16

_ABOUT = ("age", "gender", "accent", "native_language")
_WORDS = re.compile(r"[A-Z']+(?: [A-Z']+)*")


@dataclass(frozen=True, slots=True)
class Recording:
    """An utterance, with further facts beyond a manifest's own keys."""

    utterance: Utterance
    corpus: str
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def is_of_child(self) -> bool:
        age = self.about.get("age")
        return isinstance(age, int) and age < CHILD_BELOW


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/english"), help="folder for corpora and manifests")
    add_corpora(parser)
    arguments = parser.parse_args()
    with errors_told("prepare"):
        prepare(arguments.data, arguments)


def add_corpora(parser: argparse.ArgumentParser) -> None:
    """The options that name corpora; all may be left out."""
    parser.add_argument("--train-clean-5", type=Path, help="its archive, as FLAC or Opus; else it is downloaded")
    parser.add_argument("--an4", type=Path, help="an4_sphere.tar.gz; else it is downloaded")
    parser.add_argument("--extra", type=Path, help="an archive of other corpora: english-extra.tar")
    parser.add_argument("--common-voice", type=Path, help="Mozilla's archive of English")
    parser.add_argument("--librispeech", action="append", default=[], choices=LIBRISPEECH, help="a part to train on")


def prepare(data: Path, given: argparse.Namespace) -> None:
    """Write all manifests into `data`; corpora that were unpacked before are used again.

    Raises:
        CorpusError, ManifestError: an archive is not the expected corpus, or cannot be fetched.
        OutputError: a file cannot be written.
    """
    train_clean_5, dev = prepare_train_clean_5(data / "mini_librispeech", given.train_clean_5)
    train = [
        *_recordings(train_clean_5, "librispeech"),
        *_recordings(prepare_an4(data / "an4", given.an4).train, "an4"),
    ]
    parts = {"dev_librispeech": list(_recordings(dev, "librispeech"))}
    for name in given.librispeech:
        train += _recordings(prepare_part(name, data / "librispeech"), "librispeech")
    if given.common_voice:
        manifests = prepare_common_voice("en", data / "common_voice", given.common_voice)
        train += _recordings(manifests["train"], "common-voice")
    if given.extra:
        for split, recording in read_extra(_unpacked_extra(data / "extra", given.extra)):
            if split == "train":
                train.append(recording)
            else:
                parts.setdefault(f"{split}_{recording.corpus.replace('-', '_')}", []).append(recording)
    parts["train"] = [recording for recording in _single_takes(train) if not recording.is_of_child]
    parts["train_children"] = [recording for recording in _single_takes(train) if recording.is_of_child]
    refuse_shared_speakers(parts)
    paths = [_write(data / f"{name}.jsonl", recordings) for name, recordings in parts.items() if recordings]
    say_sizes(paths)


def read_extra(manifest: Path) -> Iterator[tuple[str, Recording]]:
    """The recordings of a manifest whose lines have `corpus` and `split`, each with its split; those without a `text`
    are left out, counted and reported.

    Raises:
        CorpusError, ManifestError: a line is broken, or has not these keys.
    """
    without_text: Counter[str] = Counter()
    for number, line in enumerate(read_lines(manifest, CorpusError), start=1):
        record = _record(line)
        if not {"corpus", "split"} <= record.keys():
            raise CorpusError(f"{manifest}, line {number}: expected a JSON object with the keys corpus and split")
        if "text" not in record:
            without_text[record["corpus"]] += 1
            continue
        about = {key: record[key] for key in _ABOUT if record.get(key)}
        yield record["split"], Recording(_in_words(parse_line(line, manifest, number)), record["corpus"], about)
    for corpus, count in without_text.items():
        say("prepare", f"{corpus}: {count} recordings have no text of what is said; they are left out")


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def refuse_shared_speakers(parts: dict[str, list[Recording]]) -> None:
    """Refuse speakers that are in both training and evaluation sets.

    Raises:
        CorpusError: names some.
    """
    speakers = {name: {str(r.utterance.speaker) for r in recordings} for name, recordings in parts.items()}
    trained_on = speakers["train"] | speakers["train_children"]
    for name, those in speakers.items():
        if not name.startswith("train") and (shared := trained_on & those):
            raise CorpusError(f"{name}: {len(shared)} of its speakers are trained on, such as {sorted(shared)[0]}")


def _unpacked_extra(folder: Path, archive: Path) -> Path:
    if not folder.exists():
        say("prepare", f"unpacking {archive}")
        unpack(archive, folder)
    manifests = list(folder.glob("*/manifest.jsonl"))
    if len(manifests) != 1:
        raise CorpusError(f"{archive}: expected one <folder>/manifest.jsonl in it, found {len(manifests)}")
    return manifests[0]


def _recordings(manifest: Path, corpus: str) -> Iterator[Recording]:
    for utterance in map(_in_words, read_manifest(manifest)):
        if _WORDS.fullmatch(utterance.text):  # Common Voice has a few sentences with digits and foreign letters
            yield Recording(utterance, corpus)


def _in_words(utterance: Utterance) -> Utterance:
    return replace(utterance, text=" ".join(words_of(utterance.text)))


def _single_takes(recordings: Iterable[Recording]) -> Iterator[Recording]:
    """Of each sentence, the first take of each speaker."""
    seen = set()
    for recording in recordings:
        take = recording.utterance.speaker, recording.utterance.text
        if take not in seen:
            seen.add(take)
            yield recording


def _write(path: Path, recordings: Iterable[Recording]) -> Path:
    lines = [
        json.dumps(
            json.loads(format_line(r.utterance, path.parent)) | {"corpus": r.corpus} | r.about, ensure_ascii=False
        )
        for r in recordings
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))
    return path


if __name__ == "__main__":
    main()
