"""AIDE for one attempt: what it is told, how long it works, and what of its work is handed in."""
