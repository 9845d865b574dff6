"""The language models that search asks: n-gram models (estimate, ARPA, binary file, tables) and a small LSTM."""
