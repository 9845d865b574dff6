"""The same prefix beam search for a whole batch in tensors: for log-probabilities on a GPU. Needs PyTorch.

Nothing else in `asr` calls it: for log-probabilities on a GPU, call `asr.search.batched.beam.tensor_beam_search`
(docs/decisions/0004-prefix-beam-kernel.md says why).

In the order of reading: `beam.py` (`tensor_beam_search`), `step.py` (one frame), `fusion.py` (language model and hot
words on tensors), `frames.py` (the loop over frames, and the way back).
"""
