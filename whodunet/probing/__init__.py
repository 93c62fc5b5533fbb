"""Carries out what a diagnosis asks, on this machine: the only part of `diagnose` with effects."""
