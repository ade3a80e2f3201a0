"""The statement: knowns, constraints and the problem that they make."""
