"""What has to work where torch is not installed: everything but networks."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from asr.formats import FORMATS

ROOT = Path(__file__).parents[2]
HIDE = "import sys; sys.modules.update(torch=None, torchaudio=None, matplotlib=None)"


def run_without_torch(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Python with torch, torchaudio and matplotlib hidden, as if they were not installed."""
    command = [sys.executable, "-c", f"{HIDE}\n{textwrap.dedent(code)}", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def asr_without_torch(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_without_torch("sys.argv[0] = 'asr'; from asr.cli import main; main()", *arguments)


def test_from_sound_to_a_transcript_with_log_probabilities_from_elsewhere(wav: Path, model_folder: Path) -> None:
    """All stages but the network, which another engine may compute."""
    code = """
        import warnings
        warnings.simplefilter("ignore")  # that kernels are compiled
        from pathlib import Path
        import numpy as np
        import asr
        from asr.alignment.pauses import find_pauses
        from asr.audio import SAMPLE_RATE, load_audio
        from asr.formats import FORMATS
        from asr.formats.document import Document
        from asr.lm.estimate import estimate_ngrams
        from asr.lm.ngram import NGramModel
        from asr.model_folder import ModelParts, read_network_and_tokens
        from asr.model_settings import num_output_frames
        from asr.search import SearchSettings

        class Engine:
            def __init__(self, settings, tokens):
                self.settings, self.vocab_size, self.seconds_per_frame = settings, len(tokens), 0.04
            def num_frames(self, num_samples):
                return num_output_frames(self.settings, num_samples, SAMPLE_RATE)
            def log_probs(self, waveforms):
                rng = np.random.default_rng(0)
                rows = [rng.normal(size=(self.num_frames(len(w)), self.vocab_size)) for w in waveforms]
                return [np.float32(r - np.logaddexp.reduce(r, axis=1, keepdims=True)) for r in rows]
            log_mel = encode = start_state = encode_chunks = None
            def files(self):
                return {}
            def on_one_thread(self):
                pass

        settings, tokens = read_network_and_tokens(Path(sys.argv[2]))
        estimated = estimate_ngrams([["THE", "FOX"], ["THE", "DOG"]], order=2)
        language_model = NGramModel.from_ngrams(estimated.words, estimated.ngrams)
        parts = ModelParts(Engine(settings, tokens), tokens, SearchSettings(method="beam"), language_model)
        recognizer = asr.Recognizer(parts, hotwords={"FOX": 1.5})
        transcript = recognizer.transcribe(sys.argv[1])
        assert transcript.words, transcript
        assert find_pauses(np.zeros(16000, np.float32), sample_rate=SAMPLE_RATE) == []
        assert len(load_audio(Path(sys.argv[1]))) == 32000
        assert sys.modules["torch"] is None
        print(" ".join(name for name, form in FORMATS.items() if form.render(Document.of(transcript))))
    """
    result = run_without_torch(code, wav, model_folder)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    assert result.stdout.split() == list(FORMATS)


def test_verbs_that_need_no_network(tmp_path: Path, wav: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("THE FOX\nTHE DOG\n")
    assert "WER 0.00 %" in asr_without_torch("score", text, text).stdout
    assert asr_without_torch("lm", "estimate", text, "--order", "2", "--output", tmp_path / "lm.bin").returncode == 0
    assert "perplexity" in asr_without_torch("lm", "perplexity", tmp_path / "lm.bin", text).stdout


def test_a_model_folder_transcribes_aligns_and_is_exported(model_folder: Path, wav: Path, tmp_path: Path) -> None:
    folder, text = tmp_path / "model", tmp_path / "text.txt"
    shutil.copytree(model_folder, folder)
    text.write_text("THE FOX\n")
    results = [asr_without_torch("transcribe", folder, wav), asr_without_torch("export", folder, "--float32")]
    (folder / "model.safetensors").unlink()
    results += [asr_without_torch("transcribe", folder, wav), asr_without_torch("align", folder, wav, text)]
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * 4
    assert results[0].stdout == results[2].stdout
    assert "THE" in results[3].stdout


@pytest.mark.parametrize("arguments", ["transcribe MODEL WAV --engine torch", "train conf/an4.yaml"])
def test_a_verb_that_needs_torch_says_which_extra(
    arguments: str, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("THE FOX\n")
    places = {"MODEL": str(model_folder), "WAV": str(wav), "TEXT": str(text)}
    result = asr_without_torch(*(places.get(argument, argument) for argument in arguments.split()))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("asr: ")
    assert result.stderr.endswith("pip install 'recurrent-asr[train]'\n")
    assert result.stderr.count("\n") == 1
