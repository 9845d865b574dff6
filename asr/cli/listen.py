"""`asr listen`: microphone -> text, while it is spoken."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asr.streaming.delays import WordDelays
    from asr.streaming.stream import Partial
    from asr.text.restore import RestoringStream
    from asr.text.tagger import Tagger
    from asr.transcript import Word


def listen(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Model folder, or a name of `asr models`.", show_default=False)
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Play a sound file in real time instead of the microphone.")] = None,
    device: Annotated[
        str | None, typer.Option(help="Microphone: a number, or a part of its name; default: the system's.")
    ] = None,
    lookahead: Annotated[float, typer.Option(help="Seconds of sound that the network sees ahead.")] = 0.6,
    chunk: Annotated[float, typer.Option(help="Seconds of sound that it takes at once.")] = 0.64,
    limit: Annotated[float, typer.Option(help="Seconds after which a word no longer changes.")] = 2.0,
    hotwords: Annotated[
        Path | None,
        typer.Option(metavar="LIST", help="Words and phrases to expect, one a line; a weight may follow after a tab."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Words without capitals and punctuation marks.")] = False,
) -> None:
    """Write down what is said, until Ctrl-C. A line ends where nothing is said for a while."""
    from asr.audio import SAMPLE_RATE
    from asr.cli.messages import complain
    from asr.recognizer import Recognizer
    from asr.search.fusion.hotwords import read_hotwords
    from asr.streaming.listening import listen as listen_to
    from asr.streaming.listening import play
    from asr.streaming.microphone import Microphone

    number = int(device) if device is not None and device.isdecimal() else device
    microphone = None if file is not None else Microphone(number)  # first, since a model takes a while to load
    expected = None if hotwords is None else read_hotwords(hotwords)
    recognizer = Recognizer.load(model, device="auto", hotwords=expected)
    stream = recognizer.stream(lookahead=lookahead, chunk=chunk, limit=limit)
    page = _Page(None if plain else recognizer.parts.tagger)
    if microphone is None:
        assert file is not None
        transcript, delays = listen_to(stream, play(file), SAMPLE_RATE, page.show)
        page.close(transcript.words)
        _print_delays(delays, transcript.words, lookahead)
    else:
        with microphone:
            complain(f"listening at {microphone.rate} Hz; Ctrl-C ends")
            transcript, _ = listen_to(stream, microphone.blocks(), microphone.rate, page.show)
        page.close(transcript.words)
        if microphone.lost:
            complain(f"{microphone.lost:.2f} s of sound were lost, since the computer was too busy")


class _Page:
    """Final words on stdout, a line for each end-point; on a terminal, the words that may still change after them.

    With a tagger, each line is a text by itself, so that it is whole once nothing is said. A word is printed when its
    capitals and marks are known, some words later, and never changes.
    """

    def __init__(self, tagger: "Tagger | None") -> None:
        self._tagger = tagger
        self._restoring: RestoringStream | None = None  # of the open line
        self._waiting: list[str] = []  # final words of which not all is known
        self._num_words, self._num_lines, self._is_open = 0, 0, False

    def show(self, partial: "Partial") -> None:
        self._take(partial.final)
        if len(partial.endpoints) > self._num_lines:
            self._num_lines = len(partial.endpoints)
            self._end_line()
        self._draft(" ".join(filter(None, [*self._waiting, partial.tentative])))

    def close(self, words: "tuple[Word, ...]") -> None:
        self._take(words)
        self._end_line()

    def _take(self, words: "tuple[Word, ...]") -> None:
        """Print of the final words what is new."""
        new, self._num_words = words[self._num_words :], len(words)
        self._draft("")
        if self._tagger is None:
            self._print([word.text for word in new])
        elif new:
            from asr.text.restore import RestoringStream

            self._restoring = self._restoring or RestoringStream(self._tagger)
            self._waiting += [word.text for word in new]
            self._print_written(self._restoring.accept(new))

    def _print_written(self, words: "list[Word]") -> None:
        self._print([word.text if word.written is None else word.written for word in words])
        del self._waiting[: len(words)]

    def _print(self, words: list[str]) -> None:
        for word in words:
            print(" " * self._is_open + word, end="", flush=True)
            self._is_open = True

    def _end_line(self) -> None:
        if self._restoring is not None:
            self._print_written(self._restoring.finish())
            self._restoring = None
        if self._is_open:
            print(flush=True)
        self._is_open = False

    def _draft(self, text: str) -> None:
        """Shown dimly after the cursor, which stays where it is."""
        import sys

        if sys.stdout.isatty():
            space = " " * (self._is_open and bool(text))
            print(f"\x1b[s\x1b[0J\x1b[2m{space}{text}\x1b[0m\x1b[u", end="", flush=True)


def _print_delays(delays: "WordDelays", words: "tuple[Word, ...]", lookahead: float) -> None:
    from asr.cli.messages import complain

    shown, final = delays.until_shown(words), delays.until_final(words)
    if shown is not None:
        complain(f"words are shown {shown} after they end; {1000 * lookahead:.0f} ms of that are the look-ahead")
    if final is not None:
        complain(f"words are final {final} after they end")
