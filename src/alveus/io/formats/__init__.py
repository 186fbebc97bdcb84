"""One module a format: its files to what a reader found."""
