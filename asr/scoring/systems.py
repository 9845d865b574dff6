"""One file of references and the hypotheses of one or more systems -> their scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.errors import ScoringError
from asr.files import read_lines
from asr.scoring.alignment import MINIMAL
from asr.scoring.inputs.contents import NO_FACTS, Fact
from asr.scoring.inputs.json_texts import has_both_sides
from asr.scoring.matching import ALL_NOTATION, STRICT, Matching, Notation, PairedTexts, pair
from asr.scoring.record import Score
from asr.scoring.score import score


@dataclass(frozen=True, slots=True)
class ScoredSystem:
    """A system, named after its file of hypotheses; its texts and their score."""

    name: str
    texts: PairedTexts
    score: Score


def score_files(
    references: Path,
    hypotheses: Sequence[Path],
    *,
    matching: Matching = STRICT,
    notation: Notation = ALL_NOTATION,
    reference_form: str | None = None,
    hypothesis_form: str | None = None,
    alignment: str = MINIMAL,
    spaces: bool = True,
) -> list[ScoredSystem]:
    """The score of each file of hypotheses, all against the same references; options as `pair` and `score` have them.

    Without hypotheses, the references are those of NeMo's output, which has both in a line.

    Raises:
        ScoringError: as `pair` and `score`; or several systems have not the same utterances.
    """
    if not hypotheses:
        if not has_both_sides(references, read_lines(references, ScoringError)):
            raise ScoringError(f'{references}: has no hypotheses in "pred_text" beside a "text"; give their file, too')
        hypotheses = [references]
    found = []
    for name, path in zip(system_names(hypotheses), hypotheses, strict=True):
        texts = pair(
            references,
            path,
            matching=matching,
            notation=notation,
            reference_form=reference_form,
            hypothesis_form=hypothesis_form,
        )
        scored = score(
            texts.references,
            texts.hypotheses,
            ids=texts.ids,
            facts=[_known(facts) for facts in texts.facts],
            alignment=alignment,
            spaces=spaces,
        )
        found.append(ScoredSystem(name, texts, scored))
    _refuse_other_utterances(found, hypotheses)
    return found


def _known(facts: Mapping[str, Fact]) -> Mapping[str, Fact]:
    """Without the path of the sound, which is another one for each utterance and on each machine."""
    return {name: value for name, value in facts.items() if name != "audio_filepath"} or NO_FACTS


def system_of(name: str, score: Score) -> ScoredSystem:
    """A system of which only the score is known."""
    texts = PairedTexts(
        ids=tuple(utterance.id for utterance in score.utterances),
        references=tuple(utterance.reference for utterance in score.utterances),
        hypotheses=tuple(utterance.hypothesis for utterance in score.utterances),
        facts=tuple(dict(utterance.facts) for utterance in score.utterances),
        times=((),) * len(score.utterances),
    )
    return ScoredSystem(name, texts, score)


def system_names(paths: Sequence[Path]) -> list[str]:
    """The names of the files without suffix, with as many of the folders above as it takes to tell them apart."""
    parts = [(*path.absolute().parts[:-1], path.stem) for path in paths]
    most = max(map(len, parts))
    depth = next((d for d in range(1, most) if len({part[-d:] for part in parts}) == len(set(parts))), most)
    return ["/".join(part[-depth:]) for part in parts]


def _refuse_other_utterances(systems: Sequence[ScoredSystem], paths: Sequence[Path]) -> None:
    for system, path in zip(systems, paths, strict=True):
        if system.texts.ids != systems[0].texts.ids:
            raise ScoringError(
                f"{path}: {len(system.texts.ids)} utterances are scored, and other ones than the "
                f"{len(systems[0].texts.ids)} of {paths[0]}; systems are compared on the same ones: give "
                "the missing ones, or choose --missing deleted"
            )
