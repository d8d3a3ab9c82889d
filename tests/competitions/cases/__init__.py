"""One module a competition, or a family of them: its `CASES`."""
