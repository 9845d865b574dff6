"""Search and alignment where PyTorch is not installed."""

import subprocess
import sys

PROGRAM = """
import sys
sys.modules["torch"] = None  # whoever imports it gets an ImportError
import numpy as np
from asr.alignment.confidence import fit_calibration
from asr.alignment.forced_alignment import align_tokens, align_words, path_score
from asr.alignment.pauses import find_pauses
from asr.lm.estimate import estimate_ngrams
from asr.lm.ngram import NGramModel
from asr.search import Fusion, PrefixBeamStream, SearchSettings, search, search_batch
from asr.search.rescore import rescore

pieces = ["<blank>", "<unk>", "\\u2581", "A", "B"]
estimated = estimate_ngrams([["AB", "B"], ["B"]], order=2)
fusion = Fusion(pieces, NGramModel.from_ngrams(estimated.words, estimated.ngrams), hotwords={"AB": 1.0})
log_probs = np.log(0.8 * np.eye(5) + 0.04)[[3, 0, 4, 4, 2, 4]]
assert search(log_probs, SearchSettings()).tokens == (3, 4, 2, 4)
[[best]] = search_batch([log_probs], SearchSettings(method="beam"), fusion)
assert best.tokens == (3, 4, 2, 4)
stream = PrefixBeamStream(5, beam_width=64, fusion=fusion.tables)
stream.accept(log_probs)
assert stream.finish() == [best]
assert rescore([best], ["AB B"], [-1.0], weight=0.5)[0].tokens == best.tokens
spans = align_tokens(log_probs, best.tokens)
assert [(span.start, span.end) for span in spans] == [(0, 1), (2, 4), (4, 5), (5, 6)]
assert abs(path_score(log_probs, best.tokens, spans) - 6 * np.log(0.84)) < 1e-5
pauses = find_pauses(np.zeros(3200, np.float32), sample_rate=16000)
words = align_words(spans, [(0, 2), (3, 4)], seconds_per_frame=0.03, pauses=pauses, duration=0.2)
assert len(words) == 2
fit_calibration([words[0].confidence], [True])
print("done")
"""


def test_search_and_alignment_need_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
