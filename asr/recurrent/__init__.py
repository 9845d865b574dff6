"""Recurrences, one file a family, all in one slot of the network (`model.recurrence.kind`).

To read in this order: `recurrence.py` (what a family is to the rest), `settings.py` (which there are), `lstm.py` and
`gru.py`, `gates.py` (their start), `bidirectional.py` (both directions of time, and padding), `families.py` (settings
to recurrence), `weights.py` (weights of a file to network), `names.py` (as older files name them).

A new family is a file here, a class in `settings.py` and a case in `families.py`; its equations step by step in
`tests/recurrent/test_families.py`, a line in `test_bidirectional.py` beside it, and `docs/settings.md` written anew.
"""
