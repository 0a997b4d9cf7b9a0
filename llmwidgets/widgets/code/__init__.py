"""Show the code: the few lines of Python that compute what a panel shows."""
