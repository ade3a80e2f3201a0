"""The solution: evaluation, scores, files and pictures."""
