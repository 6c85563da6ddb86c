"""What reviewers say, and what becomes of it."""
