"""Training: the loop over epochs, L-BFGS, what stops them, and what is kept of it."""
