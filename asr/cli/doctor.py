"""`asr doctor`: manifest -> what is wrong with it, before hours of training are lost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asr.corpus.doctor.findings import Finding
    from asr.corpus.doctor.requirements import Requirements


def doctor(
    manifests: Annotated[list[Path], typer.Argument(metavar="MANIFEST", help="Manifest to train on, JSON lines.")],
    against: Annotated[
        list[Path] | None,
        typer.Option(metavar="MANIFEST", help="Dev or test set, which must share no sound or speaker. Repeatable."),
    ] = None,
    conf: Annotated[Path | None, typer.Option(help="Settings of the training: frame rate, tokens, speeds.")] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Model folder, in place of --conf: its alphabet, frame rate.")
    ] = None,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Look at the texts only; touch no sound file.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that check sounds. Default: one per processor.")
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write a cleaned manifest here: usable lines, texts in NFC, true durations."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Each finding as one JSON object a line, then the counts of each manifest.")
    ] = False,
) -> None:
    """Check manifests before training: lines, texts, sound files, copies, and overlap with dev and test.

    Exits with 0 if there are no errors (warnings are for you to judge), with 1 if there are, and with 2 if a manifest
    cannot be read at all. The manifests themselves are never changed.
    """
    import json as json_module
    import os

    from asr.cli.doctor_output import print_report
    from asr.cli.output import progress_bar
    from asr.corpus.doctor.examine import examine
    from asr.errors import ManifestError

    if fix is not None and len(manifests) > 1:
        raise ManifestError(f"--fix {fix}: is for one manifest, but {len(manifests)} were given; clean one at a time")

    def show(finding: "Finding") -> None:
        if json:
            print(json_module.dumps(finding.to_json()))

    expected = _requirements(conf, model)
    num_errors = 0
    for manifest in manifests:
        with progress_bar() as progress:
            report = examine(
                manifest,
                expected,
                progress=progress,
                on_finding=show,
                against=against or [],
                workers=None if no_audio else workers or os.cpu_count() or 1,
                fix=fix,
            )
        num_errors += report.num_errors
        if json:
            print(json_module.dumps(report.to_json()))
        else:
            print_report(report, fix)
    if num_errors:
        raise typer.Exit(1)


def _requirements(conf: Path | None, model: Path | None) -> "Requirements":
    from asr.corpus.doctor.requirements import Requirements
    from asr.errors import SettingsError

    if conf is not None and model is not None:
        raise SettingsError("--conf and --model: each says what texts have to fit; give only one")
    if model is not None:
        from asr.model_folder import read_network_and_tokens

        network, tokens = read_network_and_tokens(model)
        return Requirements(network, fastest=1.0, tokens=tokens, characters=False)
    if conf is not None:
        from asr.settings import load_settings
        from asr.training.settings import ExperimentSettings

        settings = load_settings(ExperimentSettings, conf)
        fastest = max(settings.augment.speeds, default=1.0)
        return Requirements(settings.model, fastest=fastest, tokens=None, characters=settings.tokens.kind == "char")
    from asr.corpus.augment import AugmentSettings
    from asr.model_settings import ModelSettings

    return Requirements(ModelSettings(), fastest=max(AugmentSettings().speeds), tokens=None, characters=True)
