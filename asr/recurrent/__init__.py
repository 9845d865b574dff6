"""Recurrences, one file a family, all in one slot of the network (`model.recurrence.kind`).

To read in this order: `recurrence.py` (what a family is to the rest), `settings.py` (which there are), `lstm.py` and
`gru.py`, `gates.py` (their start), `bidirectional.py` (both directions of time, and padding), `families.py` (settings
to recurrence), `weights.py` (weights of a file to network).
"""
