"""Seeded attacks on what takes anything from strangers: `python -m benchmarks.fuzz`."""
