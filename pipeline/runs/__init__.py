"""What is done, redone and recorded, night after night."""
