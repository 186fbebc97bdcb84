"""Training: data on the device, schedules, the loop, checkpoints, and the file a fitted model is kept in."""
