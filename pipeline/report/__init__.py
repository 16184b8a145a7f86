"""One run as pages to look at."""
