"""What is there again after a reload: results, pictures, masks, runs that go on; the history."""
