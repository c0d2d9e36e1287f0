"""One task on many pictures: which files, what is done already, the work, and a report of it."""
