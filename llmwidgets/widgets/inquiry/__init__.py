"""What a view is asked, by the page and from Python, and the runs that follow from it."""
