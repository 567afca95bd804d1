"""What of a hub could not be taken along: findings with cures.

The words are those of RFC 2119: the infrastructure MUST be portable, the environment SHOULD be
open and reproducible, and the rest MAY need an account or a setting of the new operator's own.
`kinds` lists what can be found, `finding` says how it is told; `declared` looks through a
declaration, with the eyes of `images`, `providers` and `licences`. All of it is pure.
"""

from __future__ import annotations

from hubfleet.replicate.audit.declared import audit
from hubfleet.replicate.audit.finding import Finding

__all__ = ["Finding", "audit"]
