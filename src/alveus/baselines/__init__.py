"""Methods without gradients, fitted on the same bins as the models they are compared with."""
