"""Training: one module a procedure, each with a suite of this name; they are merged."""
