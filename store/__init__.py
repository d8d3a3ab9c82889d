"""The database, which is the truth about runs and attempts, and the run folders on disk."""
