"""Checks of each utterance against all the others."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from asr.audio import SAMPLE_RATE
from asr.corpus.doctor.characters import character_name, rare_characters
from asr.corpus.doctor.check_pace import judge_pace
from asr.corpus.doctor.check_text import Case, Usual, check_text, usual_case
from asr.corpus.doctor.findings import Finding, Kind
from asr.corpus.doctor.fingerprint import alike, first_alike
from asr.corpus.doctor.index import Keys, ManifestIndex, first_lines
from asr.corpus.doctor.listen import AudioTable
from asr.corpus.doctor.requirements import Requirements
from asr.corpus.manifest import MAX_SECONDS
from asr.corpus.manifest_lines import ManifestLine, manifest_lines
from asr.errors import ManifestError
from asr.messages import Progress


class ManifestCheck:
    """Findings on the utterances of a manifest.

    `own` and each of `others` (manifests of dev and test sets) are an index, with the table of the sounds if these were
    checked. In that case equal sounds are recognised by their samples, and durations are measured; otherwise paths and
    durations are taken from the manifest.
    """

    def __init__(
        self,
        own: tuple[ManifestIndex, AudioTable | None],
        others: Sequence[tuple[ManifestIndex, AudioTable | None]],
        expected: Requirements,
    ) -> None:
        index, self._audio = own
        sounds = _sound_keys(own)
        self._index = index
        self._others = [other for other, _ in others]
        alphabet = None if expected.tokens is None else expected.tokens.alphabet
        self.durations = _true_durations(own)
        self.rare = rare_characters(index.characters, index.groups, len(index))
        self._usual = Usual(alphabet, self.rare, *usual_case(Counter(map(Case, index.cases.tolist()))))
        self._num_frames = expected.num_frames(self.durations)
        active = None if self._audio is None else self._audio.active
        self._pace = judge_pace(index.lengths, self.durations, active)
        self._firsts = {
            Kind.DOUBLED_ID: first_lines(index.ids, index.lines),
            Kind.DUPLICATE_SOUND: first_lines(sounds, index.lines),
            Kind.DUPLICATE_TEXT: first_lines(index.texts, index.lines),
        }
        self._overlaps = {
            Kind.SOUND_OVERLAP: _first_holder(sounds, [_sound_keys(other) for other in others]),
            Kind.SPEAKER_OVERLAP: _first_holder(index.speakers, [other.speakers for other, _ in others]),
            Kind.TEXT_OVERLAP: _first_holder(index.texts, [other.texts for other, _ in others]),
        }
        rates = [] if self._audio is None else self._audio.sample_rates.tolist()
        self._rates = Counter(rate for rate in rates if rate)
        self._usual_rate = max(self._rates, key=lambda rate: (self._rates[rate], rate), default=0)
        self._alike, self._alike_overlaps = _copies(own, others)
        self._suspicious = self._find_suspicious()

    def of_all(self) -> list[Finding]:
        """Findings on the manifest as a whole: runs of texts that belong to their neighbours, and characters that only
        dev or test have, which no training can teach."""
        shifted = [self._of_shift(*shift) for shift in self._pace.shifts]
        if self._usual.alphabet is not None:
            return shifted
        return shifted + [
            Finding(Kind.NOT_IN_TRAINING, None, 0, f"{character_name(character)}: {count} in {other.path}, none here")
            for other in self._others
            for character, count in sorted(other.characters.items())
            if character not in self._index.characters and character != " "
        ]

    def of_lines(self, progress: Progress) -> Iterator[tuple[ManifestLine, list[Finding], float]]:
        """Each line of the manifest with the findings on it and its duration in seconds.

        Raises:
            ManifestError: the manifest has changed since the index.
        """
        row = 0
        for line in manifest_lines(self._index.path, progress, "judging"):
            if row < len(self._index) and line.number == self._index.lines[row]:
                # Most lines are fine, and parsing them again would take as long as all the rest. For rare characters
                # the texts are needed, since JSON may escape them.
                is_fine = not (self._suspicious[row] or line.has_crlf)
                if is_fine and self.rare:
                    is_fine = self.rare.keys().isdisjoint(line.content) and "\\u" not in line.content
                yield line, [] if is_fine else self._of_line(row, line), float(self.durations[row])
                row += 1
            else:
                yield line, [_of_broken(line)], 0.0

    def _of_line(self, row: int, line: ManifestLine) -> list[Finding]:
        utterance = line.utterance()
        details = [*self._of_length(row), *self._of_company(row), *self._of_sample_rate(row)]
        if line.has_crlf:
            details.append((Kind.LINE_END, "ends in a carriage return and a line feed"))
        heard = () if self._audio is None else self._audio.findings.get(row, ())
        found = (Finding(kind, utterance.id, line.number, detail) for kind, detail in details)
        return [*check_text(utterance, self._usual), *heard, *found]

    def _find_suspicious(self) -> npt.NDArray[np.bool_]:
        """The rows that may have a finding; all others have none."""
        suspicious: npt.NDArray[np.bool_] = self._index.flawed.astype(np.bool_) | self._pace.outliers
        suspicious |= self._pace.partners != 0
        suspicious |= np.isin(self._index.cases, list(self._usual.told))
        suspicious |= (self._num_frames < self._index.needed) | (self.durations > MAX_SECONDS)
        for found in (*self._firsts.values(), *self._overlaps.values(), self._alike, self._alike_overlaps):
            suspicious |= found > 0
        if self._audio is not None:
            suspicious |= (self._audio.sample_rates != self._usual_rate) | (self._usual_rate < SAMPLE_RATE)
            suspicious[list(self._audio.findings)] = True
        return suspicious

    def _of_length(self, row: int) -> Iterator[tuple[Kind, str]]:
        seconds, needed, frames = self.durations[row], self._index.needed[row], self._num_frames[row]
        if seconds > MAX_SECONDS:
            yield Kind.TOO_LONG, f"{seconds:.1f} s, expected at most {MAX_SECONDS:.0f} s"
        if frames < needed:
            yield Kind.TOO_SHORT, f"{seconds:.2f} s make {frames} frames, the text takes {needed}"
        elif self._pace.outliers[row] or self._pace.partners[row]:
            rate = self._index.lengths[row] / seconds
            said = f"{rate:.1f} characters a second, the median is {self._pace.median:.1f}"
            if partner := int(self._pace.partners[row]):
                said += f"; {self._swapped_with(row, partner)}"
            yield Kind.SPEAKING_RATE, said

    def _swapped_with(self, row: int, partner: int) -> str:
        spoken = np.flatnonzero((self._index.lengths > 0) & (self.durations > 0))
        line = self._index.lines[spoken[np.searchsorted(spoken, row) + partner]]
        return f"the text of line {line} would fit, and this one there: they may have changed places"

    def _of_shift(self, first: int, last: int, lag: int) -> Finding:
        start, end = (int(self._index.lines[row]) for row in (first, last))
        where = "before" if lag < 0 else "after"
        return Finding(
            Kind.SHIFTED_TEXTS,
            None,
            start,
            f"up to line {end} the sounds are as long as the texts of the line {where} take, not their own",
        )

    def _of_company(self, row: int) -> Iterator[tuple[Kind, str]]:
        for kind, firsts in self._firsts.items():
            if firsts[row]:
                yield kind, f"the same as on line {firsts[row]}"
        if self._alike[row] and not self._firsts[Kind.DUPLICATE_SOUND][row]:
            yield Kind.DUPLICATE_SOUND, f"as on line {self._alike[row]}, at another gain or in another format"
        for kind, holders in self._overlaps.items():
            if holders[row]:
                yield kind, f"also in {self._others[holders[row] - 1].path}"
        if self._alike_overlaps[row] and not self._overlaps[Kind.SOUND_OVERLAP][row]:
            path = self._others[self._alike_overlaps[row] - 1].path
            yield Kind.SOUND_OVERLAP, f"also in {path}, at another gain or in another format"

    def _of_sample_rate(self, row: int) -> Iterator[tuple[Kind, str]]:
        rate = 0 if self._audio is None else int(self._audio.sample_rates[row])
        if rate and rate != self._usual_rate:
            yield Kind.MIXED_RATES, f"{rate} Hz, as {self._rates[rate]} files; most have {self._usual_rate} Hz"
        elif 0 < rate < SAMPLE_RATE:
            yield Kind.LOW_RATE, f"{rate} Hz, expected {SAMPLE_RATE} Hz or more: nothing above {rate // 2} Hz"


def _of_broken(line: ManifestLine) -> Finding:
    try:
        line.utterance()
    except ManifestError as error:
        return Finding(Kind.BROKEN_LINE, None, line.number, str(error))
    raise ManifestError(f"{line.path}: has changed while it was read; start again")


def _sound_keys(manifest: tuple[ManifestIndex, AudioTable | None]) -> Keys:
    index, audio = manifest
    return index.sounds if audio is None else audio.keys


def _true_durations(manifest: tuple[ManifestIndex, AudioTable | None]) -> npt.NDArray[np.float64]:
    """As measured, or as written where the sound was not checked."""
    index, audio = manifest
    return index.durations if audio is None else np.where(audio.durations > 0, audio.durations, index.durations)


def _first_holder(keys: Keys, others: Sequence[Keys]) -> npt.NDArray[np.int64]:
    """For each key the number, from 1, of the first of the others that has it; 0 for none, and for an empty key."""
    holders = np.zeros(len(keys), dtype=np.int64)
    for number in range(len(others), 0, -1):
        holders[np.isin(keys, others[number - 1]) & (keys != 0)] = number
    return holders


def _copies(
    own: tuple[ManifestIndex, AudioTable | None], others: Sequence[tuple[ManifestIndex, AudioTable | None]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each row the line of the first that sounds alike, and the number, from 1, of the other that has one; or 0."""
    index, audio = own
    firsts, holders = np.zeros(len(index), dtype=np.int64), np.zeros(len(index), dtype=np.int64)
    if audio is None:
        return firsts, holders
    firsts = first_alike(audio.fingerprints, audio.durations, index.lines)
    for number in range(len(others), 0, -1):
        other = others[number - 1][1]
        if other is not None:
            prints = np.concatenate([audio.fingerprints, other.fingerprints])
            pairs = alike(prints, np.concatenate([audio.durations, other.durations]))
            holders[[row for row, there in pairs if row < len(index) <= there]] = number
    return firsts, holders
