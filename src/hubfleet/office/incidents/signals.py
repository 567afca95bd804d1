"""What other rooms listen to. Sent inside the transaction of the change.

`changed`: arguments `incident` and `what`: `opened`, `worse`, `returned`, `acknowledged` or
`resolved`. `worse` is a more urgent priority or a further hub; `by` is who acknowledged.
"""

from __future__ import annotations

from django.dispatch import Signal

changed = Signal()
