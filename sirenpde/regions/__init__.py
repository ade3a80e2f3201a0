"""Regions: where a condition holds, how large it is, and points drawn from it."""
