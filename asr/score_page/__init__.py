"""Scores -> one HTML file to look at: who was heard how, word for word, with filters, an order, a search and sound.

`write.py` takes scored files, `sounds.py` finds their sounds, and `page.py` puts the page together; `page.css` is its
look, `page.js` what it does.
"""
