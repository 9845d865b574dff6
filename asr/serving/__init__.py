"""Recognition for many clients at once.

To read in this order: `batcher.py` (windows of all clients in batches), `transcriber.py` (the sound of one client ->
its transcript), `answers.py` (transcripts in the forms that clients expect).
"""
