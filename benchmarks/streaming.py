"""What a stream costs: word errors by look-ahead and where they come from, delay of words, streams in real time.

    python benchmarks/streaming.py MODEL MANIFEST [--limit N] [--lookahead 0.2 0.6 1.2] [--chunk 0.64] [--quick]

Each utterance is a stream of its own, so each begins without a mean: the hardest case. WER in per cent, offline and
then with one thing more at a time: the network in chunks (mean of the whole utterance, search of the whole), the mean
of what was heard so far, and the search whose words become final. `share` is the part of words that differ from the
offline text. Then the same for utterances joined by six, 0.8 s apart. Delays are from the end of a word (by the stream)
until `partial()`, asked every 0.1 s, shows it for good, beyond the look-ahead; and until it is final, beyond
look-ahead, chunk and limit. Computing is in them. At last, how many streams one core keeps up with. Computing is
counted in seconds of the processor, so that other work on the machine does not change much.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from asr.alignment.pauses import PauseStream
from asr.audio import SAMPLE_RATE
from asr.corpus.manifest import read_manifest
from asr.corpus.utterances import load_utterance
from asr.ctc import BLANK_ID
from asr.model_settings import frames_for
from asr.normalisation import normalised, running_mean
from asr.recognizer import Recognizer
from asr.scoring import score
from asr.streaming.delays import WordDelays
from asr.streaming.frames import ChunkSource
from asr.streaming.settings import StreamSettings
from asr.streaming.stream import Stream, advance

PIECE = SAMPLE_RATE // 10
Rows = np.ndarray


def rows_of_whole(recognizer: Recognizer, waveform: np.ndarray, size: int, lookahead: int) -> Rows:
    """The network in chunks, with the mean of the whole utterance."""
    engine, settings = recognizer.engine, recognizer.engine.settings
    frames, mean = engine.log_mel(waveform), running_mean(settings.features, SAMPLE_RATE)
    mean.accept(frames)
    left = normalised(frames, mean.mean(), settings.features)
    needed, rows, state = frames_for(settings.subsampling, size + lookahead), [], engine.start_state()
    while len(left) > needed:
        (found,), (state,) = engine.encode_chunks([left[:needed]], [state], size=size, is_last=[False])
        rows.append(found)
        left = left[size * settings.subsampling :]
    return np.concatenate([*rows, engine.encode_chunks([left], [state], size=size, is_last=[True])[0][0]])


def rows_of_stream(recognizer: Recognizer, waveform: np.ndarray, size: int, lookahead: int) -> Rows:
    """The network in chunks, with the mean of what was heard so far, anew after each pause."""
    pauses, engine, rows = PauseStream(sample_rate=SAMPLE_RATE), recognizer.engine, []
    source = ChunkSource(engine, size=size, lookahead=lookahead, pauses=pauses)
    source.push(waveform)
    while chunk := source.next_chunk() or source.last_chunk():
        if chunk.is_silent:
            silence = np.full((chunk.size, engine.vocab_size), -np.inf, np.float32)
            silence[:, BLANK_ID] = 0.0
            rows.append(silence)
            source.use_up(chunk, source.state)
            continue
        (output,), (state,) = engine.encode_chunks(
            [chunk.frames], [source.state], size=chunk.size, is_last=[chunk.is_last]
        )
        source.use_up(chunk, state)
        rows.append(output)
    return np.concatenate(rows)


def heard(stream: Stream, waveform: np.ndarray) -> str:
    for start in range(0, len(waveform), PIECE):
        stream.accept(waveform[start : start + PIECE], SAMPLE_RATE)
    return stream.finish().text


def wer(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    return 100 * score(references, hypotheses).wer


def errors(
    recognizer: Recognizer, sounds: Sequence[np.ndarray], references: Sequence[str], args: argparse.Namespace
) -> None:
    offline = [recognizer.transcribe(sound).text for sound in sounds]
    print(f"offline {wer(references, offline):.2f}")
    print(f"{'look-ahead':>10} {'chunks':>8} {'+ mean':>8} {'+ search':>8} {'share':>8}")
    seconds = recognizer.engine.seconds_per_frame
    for lookahead in args.lookahead:
        sizes = max(1, round(args.chunk / seconds)), round(lookahead / seconds)
        texts = []
        for rows_of in (rows_of_whole, rows_of_stream):
            rows = [rows_of(recognizer, sound, *sizes) for sound in sounds]
            found = recognizer.decode(rows)
            texts.append([recognizer.tokens.decode(hypothesis.tokens) for hypothesis in found])
        texts.append([heard(recognizer.stream(lookahead=lookahead, chunk=args.chunk), sound) for sound in sounds])
        numbers = [wer(references, each) for each in texts] + [wer(offline, texts[-1])]
        print(f"{1000 * lookahead:>7.0f} ms " + " ".join(f"{number:>8.2f}" for number in numbers), flush=True)


def joined(sounds: Sequence[np.ndarray], texts: Sequence[str]) -> tuple[list[np.ndarray], list[str]]:
    """Utterances by six, with room noise before and after each."""
    rng = np.random.default_rng(0)
    gap = (0.001 * rng.standard_normal(round(0.8 * SAMPLE_RATE))).astype(np.float32)
    starts = range(0, len(sounds), 6)
    waveforms = [
        np.concatenate([gap, *(part for sound in sounds[start : start + 6] for part in (sound, gap))])
        for start in starts
    ]
    return waveforms, [" ".join(texts[start : start + 6]) for start in starts]


def delays(recognizer: Recognizer, sounds: Sequence[np.ndarray], args: argparse.Namespace) -> tuple[float, float]:
    """In seconds, until a word is shown and until it is final: medians over utterances of the medians over words."""
    lookahead, computing, shown, final = args.lookahead[len(args.lookahead) // 2], [], [], []
    for sound in sounds:
        stream, observed = recognizer.stream(lookahead=lookahead, chunk=args.chunk), WordDelays()
        padded = np.concatenate([sound, np.zeros(3 * SAMPLE_RATE, np.float32)])
        for start in range(0, len(padded), PIECE):
            began = time.process_time()
            stream.accept(padded[start : start + PIECE], SAMPLE_RATE)
            result = stream.partial()
            computing.append(time.process_time() - began)
            observed.observe(result, (start + PIECE) / SAMPLE_RATE + computing[-1] - lookahead)
        words = stream.finish().words
        shown += [observed.until_shown(words)]
        final += [observed.until_final(words)]
    median, most = np.quantile(computing, [0.5, 0.99])
    print(f"computing for a piece of 0.1 s: median {1000 * median:.0f} ms, 99 % {1000 * most:.0f} ms")
    medians = [float(np.median([each.median for each in found if each is not None])) for found in (shown, final)]
    return medians[0], medians[1] - args.chunk - StreamSettings().limit


def capacity(recognizer: Recognizer, sounds: Sequence[np.ndarray], args: argparse.Namespace) -> float:
    """Streams that one core keeps up with, their chunks in one call of the network; the most of those tried."""
    sound = np.concatenate(sounds)
    sound = np.tile(sound, -(-SAMPLE_RATE * 12 // len(sound)))[: 12 * SAMPLE_RATE]
    size, most = round(args.chunk * SAMPLE_RATE), 0.0
    for number in args.streams:
        streams = [recognizer.stream(lookahead=0.6, chunk=args.chunk) for _ in range(number)]
        rounds = []
        for start in range(0, len(sound), size):
            began = time.process_time()
            for stream in streams:
                stream.push(sound[start : start + size], SAMPLE_RATE)
            advance(streams)
            for stream in streams:
                stream.partial()
            rounds.append(time.process_time() - began)
        usual = float(np.mean(rounds[3:]))
        kept_up = number * args.chunk / usual
        print(f"{number} streams: {usual:.3f} s for {args.chunk} s of each: {kept_up:.0f} in real time", flush=True)
        most = max(most, kept_up)
    return most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--limit", type=int, default=None, help="first utterances of the manifest")
    parser.add_argument("--lookahead", type=float, nargs="+", default=[0.2, 0.4, 0.6, 1.2])
    parser.add_argument("--chunk", type=float, default=0.64)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 20, 60])
    parser.add_argument("--quick", action="store_true", help="under a minute: 6 utterances, one look-ahead")
    args = parser.parse_args()
    if args.quick:
        args.limit, args.lookahead, args.streams = 6, [0.6], [8]
    torch.set_num_threads(1)
    recognizer = Recognizer.load(args.model)
    utterances = read_manifest(args.manifest)[: args.limit]
    sounds = [load_utterance(utterance) for utterance in utterances]
    references = [utterance.text for utterance in utterances]
    errors(recognizer, sounds, references, args)
    print("joined by six, 0.8 s apart:")
    errors(recognizer, *joined(sounds, references), args)
    shown, final = delays(recognizer, sounds[: 3 if args.quick else 20], args)
    kept_up = capacity(recognizer, sounds, args)
    print(f"shown_ms={1000 * shown:.0f} final_ms={1000 * final:.0f} streams_on_one_core={kept_up:.0f}")


if __name__ == "__main__":
    main()
