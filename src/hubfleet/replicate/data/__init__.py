"""What people have on a hub: its database, homes and shared folders; copied out, put back."""
