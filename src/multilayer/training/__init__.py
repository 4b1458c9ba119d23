"""Training: the loop over epochs, L-BFGS, stopping criteria, and the resulting state."""
