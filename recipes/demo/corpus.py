"""The demo's corpus: spoken requests to a household assistant, made on the spot by `recipes.demo.voice`.

Nothing is downloaded. The voice is "heart" of the package hibari-tts, licensed Apache-2.0 (code and voice).

The folder then holds `wav/`, `train.jsonl`, `dev.jsonl`, `test.jsonl`, and for each of these `*.words.jsonl` with
the times of the words in seconds: {"id": "...", "words": [{"word": "CALL", "start": 0.61, "end": 0.84}, ...]}.
No sentence and no speaker is in two of the parts. `corpus.json` says how the corpus was made; it is written last.
"""

import json
import multiprocessing
import os
import wave
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, replace
from functools import cache
from hashlib import sha256
from itertools import islice, product, zip_longest
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.errors import CorpusError, ManifestError
from asr.files import atomic_path, write_text
from recipes.demo.voice import SAMPLE_RATE, VOICES, SpokenWord, Synthesizer, Voice, Waveform, require_tts

TEMPLATES = (
    "please call <name> <day> at <hour>",
    "please send <name> a message about the <topic>",
    "turn <switch> the <room> <device>",
    "please turn <switch> the <device> in the <room> at <hour>",
    "set a timer for <number> minutes",
    "set the <room> heating to <number> degrees",
    "remind me to <task> <day> at <hour>",
    "remind <name> about the <topic> in <number> minutes",
    "move my meeting with <name> to <hour> <day>",
    "<move> the <opening> in the <room> at <hour>",
    "play some <music> music in the <room> at <hour>",
    "add <food> and <food> to the shopping list",
    "buy some <food> and <food> <day>",
    "book a table for <guests> <day> at <hour>",
    "what is the weather in <city> <day>",
    "when does the <vehicle> to <city> leave",
    "is there a <vehicle> from the <place> to the <place> <day>",
    "how much is a ticket from <city> to <city>",
)
FILLERS = {
    "<name>": ("Anna", "Peter", "Maria", "David", "Laura", "Thomas", "Emma", "Oscar"),
    "<hour>": ("six", "seven", "eight", "nine", "ten", "eleven", "noon"),
    "<number>": ("five", "ten", "twelve", "fifteen", "twenty", "thirty", "forty"),
    "<guests>": ("two", "three", "four", "five", "six"),
    "<day>": ("today", "tomorrow", "tonight", "on Monday", "on Tuesday", "on Friday", "on Sunday"),
    "<switch>": ("on", "off"),
    "<room>": ("kitchen", "bedroom", "bathroom", "office", "garage"),
    "<device>": ("light", "radio", "fan", "heating"),
    "<move>": ("open", "close"),
    "<opening>": ("door", "window"),
    "<city>": ("Berlin", "London", "Paris", "Madrid", "Rome", "Oslo"),
    "<vehicle>": ("train", "bus"),
    "<place>": ("station", "museum", "airport", "hotel", "market"),
    "<music>": ("jazz", "piano", "guitar"),
    "<task>": ("feed the cat", "water the plants", "wash the car", "pay the rent"),
    "<food>": ("bread", "milk", "rice", "coffee", "sugar", "cheese"),
    "<topic>": ("party", "meeting", "weather", "ticket"),
}
QUESTIONS = ("what", "when", "is", "how")

SNR_DB = (25.0, 40.0)  # speech over noise
PEAK_DB = (-16.0, -3.0)  # the loudest sample of the speech, full scale being 0
SILENCE_SECONDS = (0.1, 0.35)  # before the speech, and after it
_MARGIN = 0.05  # seconds of the silence that are the voice's own: sounds may fade in and out there


@dataclass(frozen=True, slots=True)
class DemoCorpus:
    """The manifests of the three parts."""

    train: Path
    dev: Path
    test: Path


@dataclass(frozen=True, slots=True)
class _Task:
    """One utterance to be made. `seed` fixes all that is random in it."""

    sentence: str
    voice: Voice
    wav: Path
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Recording:
    utterance: Utterance
    words: list[SpokenWord]


def make_corpus(folder: Path, *, num_train: int, num_dev: int, num_test: int, seed: int) -> DemoCorpus:
    """Make the corpus, or leave it as it is if `folder` has it complete, made with the same settings.

    About 2.5 s of sound an utterance (16 kHz, 16 bit); a progress bar goes to stderr. The same seed gives the same
    files on the same machine. The sound is made in a process per core, so the main module must be safe to import.

    Raises:
        CorpusError: if a part is to have no sentence or more than there are, or hibari-tts is not installed.
        OutputError: if a file cannot be written.
    """
    require_tts()
    counts = {"train": num_train, "dev": num_dev, "test": num_test}
    sentences = split_sentences(counts, seed=seed)
    corpus = DemoCorpus(*(folder / f"{part}.jsonl" for part in counts))
    stamp = folder / "corpus.json"
    settings = _describe(counts, seed)
    if _is_complete(corpus, stamp, settings):
        return corpus
    if stamp.is_file():
        stamp.unlink()  # from here until the end the folder is incomplete
    tasks = [task for part in counts for task in _plan(part, sentences[part], folder, seed)]
    recordings = iter(_record_all(tasks))
    for part, manifest in zip(counts, astuple(corpus), strict=True):
        made = list(islice(recordings, counts[part]))
        write_manifest(manifest, [recording.utterance for recording in made])
        write_text(manifest.with_suffix(".words.jsonl"), "".join(_words_line(recording) for recording in made))
    write_text(stamp, settings)
    return corpus


def split_sentences(counts: dict[str, int], *, seed: int) -> dict[str, list[str]]:
    """Choose sentences for train, dev and test, no sentence twice. Each part has all templates as evenly as it can.

    Raises:
        CorpusError: the templates do not give that many, or the seed is negative.
    """
    if seed < 0:
        raise CorpusError(f"demo corpus: the seed is {seed}, expected 0 or more")
    rng = np.random.default_rng(seed)
    pools: dict[str, list[list[str]]] = {"train": [], "dev": [], "test": []}
    for template in TEMPLATES:
        sentences = expand(template)
        shuffled = [sentences[i] for i in rng.permutation(len(sentences))]
        held_out = len(shuffled) // 7
        pools["dev"].append(shuffled[:held_out])
        pools["test"].append(shuffled[held_out : 2 * held_out])
        pools["train"].append(shuffled[2 * held_out :])
    return {part: _take_turns(pools[part], counts[part], part, rng) for part in pools}


def expand(template: str) -> list[str]:
    """All sentences of a template, with capital and end mark; no filler occurs twice in a sentence."""
    slots = template.split()
    mark = "?" if slots[0] in QUESTIONS else "."
    sentences = []
    for words in product(*[FILLERS.get(slot, (slot,)) for slot in slots]):
        fillers = [word for slot, word in zip(slots, words, strict=True) if slot in FILLERS]
        if len(set(fillers)) == len(fillers):
            sentence = " ".join(words) + mark
            sentences.append(sentence[0].upper() + sentence[1:])
    return sentences


def _take_turns(pools: list[list[str]], count: int, part: str, rng: np.random.Generator) -> list[str]:
    """The first sentence of each pool, then the second of each, and so on, until there are `count`; then shuffled."""
    turns = [sentence for turn in zip_longest(*pools) for sentence in turn if sentence is not None]
    if not 1 <= count <= len(turns):
        raise CorpusError(f"demo corpus: num_{part} is {count}, expected 1 to {len(turns)} (all sentences there are)")
    return [turns[i] for i in rng.permutation(count)]


def _plan(part: str, sentences: list[str], folder: Path, seed: int) -> list[_Task]:
    """The part's voices take turns. An utterance's own seed depends on the part, its number and `seed` alone."""
    voices = VOICES[part]
    tasks = []
    for number, sentence in enumerate(sentences):
        voice = voices[number % len(voices)]
        wav = folder / "wav" / f"{part}-{number:04d}-{voice.name}.wav"
        tasks.append(_Task(sentence, voice, wav, (seed, *part.encode(), number)))
    return tasks


def _record_all(tasks: list[_Task]) -> list[_Recording]:
    """Make the sound of all tasks, in order, on all cores; shows a progress bar on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    workers = min(os.cpu_count() or 1, 1 + len(tasks) // 50)  # one takes a second to start
    # Not by fork: the caller may have loaded torch, whose threads do not survive it.
    context = multiprocessing.get_context("spawn")
    with (
        # Ctrl-C is for the parent, which then stops the others.
        ProcessPoolExecutor(workers, context, initializer=signal, initargs=(SIGINT, SIG_IGN)) as pool,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        recordings = pool.map(_record, tasks, chunksize=4)
        return list(progress.track(recordings, total=len(tasks), description="Making the demo's corpus"))


@cache
def _synthesizer() -> Synthesizer:
    """Loaded once in each process."""
    return Synthesizer()


def _record(task: _Task) -> _Recording:
    """Speak the sentence, give it silence, level and noise, write the file."""
    rng = np.random.default_rng(task.seed)
    speech, words = _synthesizer().speak(task.sentence, _vary(task.voice, rng), seed=int(rng.integers(2**31)))
    waveform, later = _place(speech, words[0].start, words[-1].end, rng)
    _write_wav(task.wav, waveform)
    utterance = Utterance(
        audio_filepath=task.wav,
        duration=len(waveform) / SAMPLE_RATE,
        text=" ".join(word.word for word in words),
        id=task.wav.stem,
        speaker=task.voice.name,
    )
    return _Recording(utterance, [replace(word, start=word.start + later, end=word.end + later) for word in words])


def _vary(voice: Voice, rng: np.random.Generator) -> Voice:
    """Nobody says two sentences in quite the same way."""
    return replace(voice, pitch=voice.pitch * rng.uniform(0.96, 1.04), tempo=voice.tempo * rng.uniform(0.94, 1.06))


def _place(speech: Waveform, start: float, end: float, rng: np.random.Generator) -> tuple[Waveform, float]:
    """Give the speech between `start` and `end` (in seconds) silence around it, a level, and noise throughout.

    Returns the waveform, and by how many seconds the speech starts later in it.
    """
    first = max(0, round((start - _MARGIN) * SAMPLE_RATE))
    speech = speech[first : round((end + _MARGIN) * SAMPLE_RATE)]
    power = np.square(speech).mean()
    before, after = (round((seconds - _MARGIN) * SAMPLE_RATE) for seconds in rng.uniform(*SILENCE_SECONDS, size=2))
    padded = np.pad(speech, (before, after))
    noise = np.sqrt(power) * _gain(-rng.uniform(*SNR_DB)) * rng.standard_normal(len(padded))
    level = _gain(rng.uniform(*PEAK_DB)) / np.abs(speech).max()
    return (level * (padded + noise)).astype(np.float32), (before - first) / SAMPLE_RATE


def _gain(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _write_wav(path: Path, waveform: Waveform) -> None:
    with atomic_path(path) as temporary, wave.open(os.fspath(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(waveform * 32767).astype("<i2").tobytes())


def _words_line(recording: _Recording) -> str:
    words = [{"word": word.word, "start": round(word.start, 3), "end": round(word.end, 3)} for word in recording.words]
    return json.dumps({"id": recording.utterance.id, "words": words}) + "\n"


def _describe(counts: dict[str, int], seed: int) -> str:
    """All that the corpus depends on, this recipe's own text included."""
    recipe = sha256(Path(__file__).read_bytes() + Path(__file__).with_name("voice.py").read_bytes()).hexdigest()
    return json.dumps({**counts, "seed": seed, "recipe": recipe}, indent=2) + "\n"


def _is_complete(corpus: DemoCorpus, stamp: Path, settings: str) -> bool:
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != settings:
        return False
    try:
        for manifest in astuple(corpus):
            read_manifest(manifest, check_files=True)
    except ManifestError:
        return False
    return all(manifest.with_suffix(".words.jsonl").is_file() for manifest in astuple(corpus))
