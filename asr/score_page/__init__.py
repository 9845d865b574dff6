"""Scores -> one HTML file to look at: who was heard how, word for word, with filters, an order, a search and sound.

`page.py` puts it together; `page.css` is its look, `page.js` what it does.
"""
