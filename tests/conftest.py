"""Its place is its purpose: pytest puts this folder on the path, so that all tests find the toy zones."""
