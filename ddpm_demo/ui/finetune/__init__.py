"""What the Fine-tune tab is made of."""
