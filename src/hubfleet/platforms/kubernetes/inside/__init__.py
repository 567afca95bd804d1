"""Programs that run inside a hub's pod, on whatever Python is there; nothing here is imported."""
