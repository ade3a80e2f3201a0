"""Training: the integral loss, its points, the optimizers and the loop."""
