"""What other rooms listen to. Sent inside the transaction of the change.

`access_narrowed`: somebody may use less than before; whoever keeps sessions on hubs ends them.
Arguments: `person_id` (text), `login`, `hubs` (names that may be concerned; what still holds is
asked of `membership`), `everything` (the account was closed: all hubs), `why`.

`signed_out`: all sessions of a person, or one, ended. Arguments: `person_id`, `login`, `why`.
"""

from __future__ import annotations

from django.dispatch import Signal

access_narrowed = Signal()
signed_out = Signal()
