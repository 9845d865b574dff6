"""`asr transcribe`: sound files, folders of them, pipes -> text, times, subtitles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast

import typer

if TYPE_CHECKING:
    from asr.recognizer import Recognizer
    from asr.transcription.jobs import ChannelChoice


Arguments: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODEL] INPUT",
        help="A model folder or name, unless the default is meant; then sound files or videos, folders, patterns, "
        "manifests (.jsonl), - for stdin.",
        show_default=False,
    ),
]
ListFile: TypeAlias = Annotated[
    Path | None, typer.Option("--list", metavar="FILE", help="Also the recordings in this file, a path a line.")
]
Hotwords: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="LIST", help="Words and phrases to expect, one a line; a weight may follow after a tab."),
]


def transcribe(
    arguments: Arguments = None,
    model: Annotated[
        str | None, typer.Option(help="The model folder, or a name of `asr models`; all arguments are recordings then.")
    ] = None,
    list_file: ListFile = None,
    format: Annotated[
        str, typer.Option(metavar="NAME,...", help="txt, json, srt, vtt, tsv, ctm, stm, textgrid; several with commas.")
    ] = "txt",
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write files here, and skip what is done. Else: stdout.")
    ] = None,
    channels: Annotated[
        str, typer.Option(metavar="mix|each|N", help="The mean of all channels, each one, or one of them (from 1).")
    ] = "mix",
    hotwords: Hotwords = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1; auto is the GPU, if there is one.")] = "auto",
    engine: Annotated[
        Literal["auto", "torch", "onnx"],
        typer.Option(help="What runs the network; auto: the quicker one that is there."),
    ] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace files that asr has not written, or that were edited.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="The words as recognised, without the model's capitals and marks.")
    ] = False,
    figures: Annotated[bool, typer.Option("--figures", help="English numbers in figures: TWENTY as 20.")] = False,
    vad: Annotated[
        bool, typer.Option("--vad", help="Leave out what is not speech, such as music (voice activity detection).")
    ] = False,
    windows: Annotated[
        bool, typer.Option("--windows", help="txt, tsv, srt, vtt with CRLF and a byte order mark (some televisions).")
    ] = False,
) -> None:
    """Transcribe recordings. Those that cannot be read are named at the end; the others are still transcribed."""
    from asr.cli.transcribe_output import complain_of_problems, print_results, tell_findings, write_results
    from asr.transcription.inputs import find_recordings
    from asr.transcription.models import split_arguments
    from asr.transcription.outputs import OutputFolder, Settings
    from asr.transcription.run import Tally, settings_digest

    names, choice = _formats(format, output, windows or overwrite), _channels(channels)
    if list_file is None and not arguments:
        raise typer.BadParameter("expected recordings: files or folders", param_hint="'INPUT...'")
    given, folder, inputs = split_arguments(arguments or [], model)
    if list_file is None and not inputs:
        raise typer.BadParameter(f"expected recordings after the model {given}", param_hint="'INPUT...'")
    tally = Tally()
    with complain_of_problems(tally, are_kept=output is not None):
        expected = _hotwords(hotwords)
        found = find_recordings(inputs, list_file)
        tell_findings(found, given, folder)
        tally.problems += found.problems

        def recognizer() -> "Recognizer":
            from asr.recognizer import Recognizer

            loaded = Recognizer.load(folder, device=device, engine=engine, hotwords=expected, figures=figures, vad=vad)
            return loaded.without_tagger() if plain else loaded

        if output is None:
            print_results(recognizer, found, names[0], choice, tally)
        else:
            forms = {"windows": windows, "plain": plain, "figures": figures, "vad": vad}
            digest = settings_digest(folder, expected, choice, forms)
            results = OutputFolder(output, Settings(names, digest, windows, overwrite))
            write_results(recognizer, results, found, choice, tally)


def _formats(format: str, output: Path | None, is_about_files: bool) -> list[str]:
    from asr.formats import FORMATS

    names = list(dict.fromkeys(name.strip().lower() for name in format.split(",")))
    if unknown := [name for name in names if name not in FORMATS]:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(FORMATS)}", param_hint="'--format'")
    if output is None and len(names) > 1:
        raise typer.BadParameter("several formats need a folder: --output DIR", param_hint="'--format'")
    if output is None and is_about_files:
        raise typer.BadParameter("--windows and --overwrite are about files: give a folder with --output DIR")
    return names


def _channels(choice: str) -> "ChannelChoice":
    if choice in ("mix", "each"):
        return cast("ChannelChoice", choice)
    if choice.isdecimal() and int(choice) >= 1:
        return int(choice)
    raise typer.BadParameter(
        f"{choice!r} is not mix, each, or the number of a channel (the first is 1)", param_hint="'--channels'"
    )


def _hotwords(path: Path | None) -> dict[str, float] | None:
    from asr.search.fusion.hotwords import read_hotwords

    return None if path is None else read_hotwords(path)
