"""A run folder -> `report.html` and its pictures in `report/`."""

from collections.abc import Iterable
from pathlib import Path

import asr
from asr.files import write_text
from asr.html.elements import Html, element, text
from asr.html.style import STYLE
from asr.pictures import EpochCurves, curves_figure, gradient_reach_figure, save_figure
from asr.reporting import curves, sections
from asr.reporting.run import Run, read_run
from asr.reporting.svg import as_svg
from asr.training.diagnosis.gradient_reach import gradient_reach_of_run

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def write_report(folder: Path) -> Path:
    """Write `report.html`, a page that needs no other file, and its pictures as `report/*.png`; returns the page's
    path.

    Raises:
        TrainingError: `folder` is no run folder, no epoch was finished, or a file in it is broken.
        ScoringError: the listing of dev is broken.
        OutputError: the page or a picture cannot be written.
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
        _reach(folder),
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


def _reach(folder: Path) -> Html:
    """The section on how far gradients reach in time, measured now; it needs the model and some sounds of dev."""
    reach = gradient_reach_of_run(folder)
    if isinstance(reach, str):
        return sections.reach(None, Html(""), reach)
    figure = gradient_reach_figure(reach.past, reach.future, seconds_per_frame=reach.seconds_per_frame)
    save_figure(folder / "report" / "gradient_by_lag.png", figure)
    return sections.reach(reach, element("div", Html(as_svg(figure, name="gradient_by_lag")), class_="figures"), "")


def _draw(run: Run, pictures: dict[str, EpochCurves], folder: Path) -> Html:
    """Save each picture as PNG, and put all of them side by side for the page."""
    drawn = []
    for name, picture in pictures.items():
        figure = curves_figure(run.epochs, picture, best=run.best.epoch if run.best else None)
        save_figure(folder / f"{name}.png", figure)
        drawn.append(Html(as_svg(figure, name=name)))
    return element("div", *drawn, class_="figures") if drawn else Html("")
