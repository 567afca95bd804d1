"""Pages of incidents: the list, what is owed, one under way, its report, what all may read."""
