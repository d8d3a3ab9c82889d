"""Commands: arguments in, calls out. What they do is in the rooms below."""
