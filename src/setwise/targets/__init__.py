"""Say what is predicted: kinds of targets, their values, losses and predictions."""
