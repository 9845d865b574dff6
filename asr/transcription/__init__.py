"""Recordings -> transcripts, many files in one call: `jobs.py` (one after the other, broken ones reported)."""
