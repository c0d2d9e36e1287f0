"""Restoring uploads: which prior suits, pictures in and out, the run. The engine is in `tasks`."""
