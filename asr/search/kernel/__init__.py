"""The inner loop of prefix beam search, compiled by numba: releases the GIL, and needs no PyTorch.

In the order of reading: `search.py` (a frame in eight steps), `state.py` (what is kept between frames), `beams.py` (how
prefixes are kept and extended), `candidates.py` (which ones may), `commit.py` (the beginning of the text made final).
"""
