"""How the built-in model was made: its corpus, its tokenizer, its training and its report.

Nothing here is imported by the package or travels in the wheel; the package ships what this folder
made. Run from the repository root: ``python -m training.train --seed 1 --out DIR`` and
``python -m training.evaluate DIR``.
"""
