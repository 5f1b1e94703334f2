"""Spiking networks that hold a sequence in time: simulation core of the workflow."""
