"""How far the gradients of a run's model reach in time, measured when its report is written."""

from pathlib import Path

from asr.corpus.batches import load_utterance
from asr.corpus.manifest import read_manifest
from asr.errors import AsrError
from asr.recognizer import Recognizer
from asr.settings import load_settings
from asr.training.diagnosis.gradient_reach import TimeLag, gradient_by_lag
from asr.training.settings import ExperimentSettings

NUM_UTTERANCES = 4
_MAX_SECONDS = 10.0


def measure_reach(run: Path) -> TimeLag | str:
    """Measured on the longest utterances of dev, of up to 10 s; or why it can not be."""
    try:
        recognizer = Recognizer.load(run / "model")
        dev = read_manifest(Path(load_settings(ExperimentSettings, run / "settings.yaml").data.dev), check_files=False)
        whole = [u for u in dev if u.offset is None and u.duration <= _MAX_SECONDS]
        longest = sorted(whole, key=lambda utterance: -utterance.duration)[:NUM_UTTERANCES]
        if not longest:
            return "dev has no utterance of less than 10 s in a file of its own"
        return gradient_by_lag(recognizer, [load_utterance(utterance) for utterance in longest])
    except AsrError as error:
        return str(error)
