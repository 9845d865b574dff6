"""Recordings -> transcripts, many in one call.

Order of reading: `models.py` (which argument is the model), `inputs.py` and `folders.py` (arguments -> recordings),
`sources.py` (a pipe or a part -> a file), `jobs.py` (files -> transcripts), `outcomes.py` (recordings -> documents),
`names.py`, `notes.py` and `outputs.py` (where results go, and what is done already), `progress.py`,
`unfinished.py` (what a stopped run has of a recording), `run.py`.
"""
