"""Recognition for many clients at once.

To read in this order: `batcher.py` (windows of all clients in batches), `transcriber.py` (the sound of one client ->
its transcript), `service.py` (a model for many requests), `answers.py` (transcripts in the forms that clients expect),
`uploads.py` (what they send), `failures.py`, `app.py` (the addresses), `access.py` (who may ask), `metrics.py` (for
Prometheus), `middleware.py` (what every request passes), `description.py` (OpenAPI), `upkeep.py`, `connections.py`,
`server.py` (the process).
"""
