"""Files of other tools and of asr -> the texts in them, with ids.

`read.py` recognises the form by the content; a file for each form: `json_texts.py` (JSON lines, NeMo, Whisper, asr),
`table.py` (TSV), `trn.py`, `kaldi.py`, `stm.py`, `ctm.py`. `segments.py` puts the words of a ctm into the segments of
an stm.
"""
