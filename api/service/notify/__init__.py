"""Notifications: others are told of finished incidents, once, and until it arrives."""
