"""Agents at work for some minutes, with an incident in the middle."""
