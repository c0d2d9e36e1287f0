"""The sections of the How it works tab: background, forward, reverse, training, generation."""
