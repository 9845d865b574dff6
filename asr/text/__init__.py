"""Words of a recogniser -> text as it is printed: capitals, commas, full stops, question marks; figures for numbers.

Order of reading: `tags.py` (what is said about a word), `letters.py` (word -> numbers), `tagger.py`
(the network, in NumPy), `tagger_file.py` (on disk), `windows.py` (the network on running text), `restore.py` (words ->
written words), `figures.py` (TWENTY THREE -> 23).
`graphemes.py`: what readers take for one character, for scoring.
"""
