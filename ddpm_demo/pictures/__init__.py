"""Pictures: files in and out, recipes inside them, masks, grids, animations, similarity."""
