"""The right to replicate: hubs that come in from elsewhere (`importing`)."""
