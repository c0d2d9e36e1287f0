"""X/Y sheets: one task with its settings varied along two axes, side by side in one picture."""
