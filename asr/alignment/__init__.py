"""Stage 6: when each word is said, and with what confidence. NumPy arrays throughout; needs no PyTorch.

In the order of reading: `forced_alignment.py` (log-probabilities and tokens -> spans of tokens and times of words),
`viterbi.py` (the likeliest path, compiled), `word_times.py` (audible pauses correct the times), `confidence.py`
(confidence and its calibration).
"""
