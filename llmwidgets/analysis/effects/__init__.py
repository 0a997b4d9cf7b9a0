"""Effects: what changes in the answer when something inside the model is taken away, put in, or would be."""
