"""People: accounts, rights, invitations."""
