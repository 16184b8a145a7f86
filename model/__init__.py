"""Networks, losses and training: tensors in, tensors out."""
