"""The web page: files written by hand, served as they are."""
