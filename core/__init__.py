"""What every room shares: the words of the system, its errors, and safe writing of files."""
