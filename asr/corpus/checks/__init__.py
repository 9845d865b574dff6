"""What `asr doctor` checks, one file a subject; `asr/corpus/doctor.py` puts them together."""
