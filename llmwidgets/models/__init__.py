"""Models: loading, prompts, tokens, the twin that is experimented on, and what a model is made of."""
