"""A module for each kind of container, which yields its members."""
