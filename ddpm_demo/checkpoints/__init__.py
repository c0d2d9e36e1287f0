"""Checkpoints: find them, refuse what is unsafe, load them; the Hub; model cards."""
