"""A seeded generator of synthetic English whose right answers are known by construction.

One module a kind of skill; `mixer` puts them together. Every module draws from the `random.Random`
it is given and from nothing else, so a seed fixes the corpus.
"""
