"""Fluorescence to events, in plain functions on blocks of whole traces, arrays (unit, frame)."""
