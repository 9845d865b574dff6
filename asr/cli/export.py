"""`asr export`: the network of a model folder as ONNX graphs."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder; the graphs are written into it.")],
    float32: Annotated[
        bool, typer.Option("--float32", help="Keep all digits of the weights: four times the size.")
    ] = False,
) -> None:
    """Write the network as ONNX graphs, which run without torch. Their weights lie there as int8 and are expanded when
    they are loaded.
    """
    from asr.cli.messages import shown_path
    from asr.model_saving import export_model_folder

    for name, content in export_model_folder(model, int8=not float32).items():
        print(f"{shown_path(model / name)}  {len(content) / 1e6:.1f} MB")
