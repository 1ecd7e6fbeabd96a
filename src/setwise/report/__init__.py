"""Write the report of a run, and say in words what its numbers mean."""
