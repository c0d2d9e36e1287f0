"""One file a task: what can be asked, and how it starts on a checkpoint; `registry` finds them."""
