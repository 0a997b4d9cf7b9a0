"""Taking apart: the final residual stream and the logits as sums of what each part of the model wrote.

Always true: parts add up, and every result prints by how much they do not; norms are frozen at what they really did, so each part is
carried by a linear map. How a block is made of its parts is read from its expression (models/expression.py), never from a model's name.
Attributions count the last hop only: what a part did to later parts is the business of experiments.
"""
