"""Mail: `outbox` stores a message in the transaction of its cause, `sending` delivers what is due.

Nothing is lost when the mail server is away, nothing is sent for what was rolled back. Texts are
stored encrypted, because invitations and recovery links are in them, and are wiped once sent.
"""
