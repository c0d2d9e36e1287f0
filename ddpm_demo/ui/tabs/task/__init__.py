"""The tab of a task, derived from its declaration; `arrangement` is what a task may add to it."""
