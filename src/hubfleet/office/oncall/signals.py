"""What other rooms listen to. Sent inside the transaction of the change.

`acknowledged`: somebody has taken a page on. Arguments: `key` and `by`, a login or a name.
`settled`: somebody at the other end, such as PagerDuty, says that the problem is over. Whoever
opened the page decides whether it is. Arguments: `key` and `by`.
"""

from __future__ import annotations

from django.dispatch import Signal

acknowledged = Signal()
settled = Signal()
