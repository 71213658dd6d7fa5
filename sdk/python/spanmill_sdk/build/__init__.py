"""Builds components. It runs natively, and is no part of them."""
