"""What a task is: its fields, its recipe, the pictures it takes, its run. Costs no torch."""
