"""Recordings -> transcripts, many at a time: `jobs.py` (one after the other, broken ones told)."""
