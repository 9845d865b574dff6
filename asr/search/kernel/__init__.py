"""The inner loop of prefix beam search, compiled by numba: without Python's lock, and without PyTorch.

In the order of reading: `search.py` (a frame in eight steps), `state.py` (what is kept between frames), `beams.py` (how
prefixes stay and grow), `candidates.py` (which ones may).
"""
