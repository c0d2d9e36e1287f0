"""Parts of `benchmarks/restoration.py`, one thing a file."""
