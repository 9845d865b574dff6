"""`asr inspect`: facts and a picture of a sound file."""

from pathlib import Path
from typing import Annotated

import typer


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    picture: Annotated[Path | None, typer.Option(help="Where to save the picture. Default: NAME.inspect.png.")] = None,
) -> None:
    """Facts of a sound file, and a picture of its waveform and spectrogram."""
    import torch

    from asr.cli.messages import one_line
    from asr.cli.output import print_statistics
    from asr.corpus.audio_statistics import audio_statistics
    from asr.pictures import save_sound_picture

    statistics, waveform = audio_statistics(file)
    path = picture or Path(f"{file.stem}.inspect.png")
    save_sound_picture(
        path, torch.from_numpy(waveform), title=one_line(file.name).replace("$", r"\$")
    )  # else it would start a formula
    print_statistics(statistics, path)
