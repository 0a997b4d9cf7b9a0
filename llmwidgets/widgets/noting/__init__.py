"""Notes in a view: what is told to the page of them, how a view returns to the moment of one, and tours."""
