"""Kinds of files to arrays and columns, without trusting what they declare."""
