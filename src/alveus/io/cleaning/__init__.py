"""What a reader found to what every recording promises: ascending times, kinds, whole trials."""
