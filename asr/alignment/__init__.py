"""Stage 6: when, and how surely, each word is said. NumPy arrays throughout; needs no PyTorch.

In the order of reading: `forced_alignment.py` (log-probabilities and tokens -> spans of tokens and times of words),
`viterbi.py` (the likeliest path, compiled), `word_times.py` (pauses that can be heard set the times right),
`confidence.py` (how sure, and how to calibrate that).
"""
