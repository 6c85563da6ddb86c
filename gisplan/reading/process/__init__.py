"""Process: every file is read by a process of its own, which may die or hang without harm to ours."""
