"""What a language model and hot words add to the score of a text while it is searched for (shallow fusion).

In the order of reading: `fusion.py` (the public class), `tables.py` (what the search reads), `step.py` (one more
token), `model.py` and `lexicon.py` (the words of a language model as a trie), `hotwords.py`.
"""
