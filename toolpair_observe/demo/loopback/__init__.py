"""Servers and a client on the loopback interface."""
