"""Models that a person names instead of giving a folder: `installed.py` (those that are there), `fetching.py` (more of
them, from an address)."""
