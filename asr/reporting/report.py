"""A run folder -> `report.html` and its pictures in `report/`."""

from collections.abc import Iterable
from pathlib import Path

import asr
from asr.files import write_text
from asr.pictures import EpochCurves, as_svg, curves_figure, save_figure
from asr.reporting import curves, sections
from asr.reporting.html import Html, element, text
from asr.reporting.run import Run, read_run
from asr.reporting.style import STYLE

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def write_report(folder: Path) -> Path:
    """Write `report.html`, a page that needs no other file, and its pictures as `report/*.png`; the page's path.

    Raises:
        TrainingError: `folder` is no run folder, no epoch was finished, or a file in it is broken.
        ScoringError: the listing of dev is broken.
        OutputError: the page or a picture can not be written.
    """
    run = read_run(folder)
    groups = (curves.learning_curves, curves.optimiser_curves, curves.speed_curves, curves.blank_curves)
    learning, optimiser, speed, blanks = (_draw(run, group(run), folder / "report") for group in groups)
    parts = [
        sections.headline(run),
        sections.scores(run),
        sections.learning(run, learning),
        sections.examples(run),
        sections.optimiser(run, optimiser),
        sections.blanks(run, blanks),
        sections.speed(run, speed),
        sections.environment(run),
        sections.settings(run),
        element("footer", text(f"Written by asr {asr.__version__}. The pictures are also in report/, as PNG.")),
    ]
    path = folder / "report.html"
    write_text(path, _page(f"{run.name}: training report", parts))
    return path


def _page(title: str, parts: Iterable[Html]) -> str:
    return PAGE.format(title=text(title), style=STYLE, body="\n".join(parts))


def _draw(run: Run, pictures: dict[str, EpochCurves], folder: Path) -> Html:
    """Save each picture as PNG, and put all of them side by side for the page."""
    drawn = []
    for name, picture in pictures.items():
        figure = curves_figure(run.epochs, picture, best=run.best["epoch"] if run.best else None)
        save_figure(folder / f"{name}.png", figure)
        drawn.append(Html(as_svg(figure, name=name)))
    return element("div", *drawn, class_="figures") if drawn else Html("")
