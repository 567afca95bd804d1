"""The 20 items of the shared responsibility model, from the least to the most technical.

Who owns what is stored for each item and community, never as a threshold. The default owner is
the community up to item 9 and the operator from item 10 on; item 10 is shared by default.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.fleet.model import Fleet, Owner


@dataclass(frozen=True, slots=True)
class Responsibility:
    """One item: its number, the word for it in the declaration, a sentence, and who owns it."""

    number: int
    slug: str
    sentence: str
    default_owner: Owner


_ITEMS: tuple[tuple[str, str, Owner], ...] = (
    ("use-sessions", "Use the hub for the community's work.", "community"),
    ("onboard-users", "Tell people about the hub and help them begin.", "community"),
    ("support-users", "Answer people's general questions.", "community"),
    ("provide-access", "Add and remove people and admins.", "community"),
    ("develop-domain-software", "Write the software of the field.", "community"),
    ("define-environment", "Say which software the hub has.", "community"),
    ("manage-data", "Look after the data that people use.", "community"),
    ("guide-operator", "Bring requests and feedback to the operator.", "community"),
    ("escalate-to-operator", "Tell the operator when something is wrong.", "community"),
    ("change-complex-environment", "Make changes that need packaging skill.", "shared"),
    ("develop-interactive-software", "Improve JupyterHub, JupyterLab and kin.", "operator"),
    ("support-open-source", "Help the projects that the service rests on.", "operator"),
    ("talk-to-cloud-provider", "Ask the provider for limits and repairs.", "operator"),
    ("manage-configuration", "Change a hub's or cluster's configuration.", "operator"),
    ("deploy-hubs", "Deploy hubs and connect them to what they need.", "operator"),
    ("monitor-for-incidents", "Find what is broken before people do.", "operator"),
    ("develop-cloud-software", "Improve the software below the hubs.", "operator"),
    ("upgrade-infrastructure", "Plan and make upgrades of the clusters.", "operator"),
    ("respond-to-incidents", "Repair what is broken.", "operator"),
    ("operate-cluster", "Keep the cluster running.", "operator"),
)

RESPONSIBILITIES = tuple(
    Responsibility(number, *item) for number, item in enumerate(_ITEMS, start=1)
)

BY_SLUG = {item.slug: item for item in RESPONSIBILITIES}


@dataclass(frozen=True, slots=True)
class Split:
    """One item as one community has it."""

    item: Responsibility
    owner: Owner
    note: str = ""

    @property
    def differs(self) -> bool:
        """Whether it is not the default, or something was noted."""
        return self.owner != self.item.default_owner or bool(self.note)


def items_of(fleet: Fleet) -> tuple[Responsibility, ...]:
    """The 20 items, then the operator's own in the order of the file."""
    own = fleet.service.responsibilities
    numbered = enumerate(own.items(), start=len(RESPONSIBILITIES) + 1)
    added = (Responsibility(n, slug, item.sentence, item.owner) for n, (slug, item) in numbered)
    return (*RESPONSIBILITIES, *added)


def owner_of(fleet: Fleet, community: str, slug: str) -> Owner:
    """Who owns the item there; the default owner for a community that nobody declares."""
    declared = fleet.communities.get(community)
    if declared is not None and slug in declared.file.responsibilities:
        return declared.file.responsibilities[slug]
    item = BY_SLUG.get(slug)
    return item.default_owner if item else fleet.service.responsibilities[slug].owner


def split_of(fleet: Fleet, community: str) -> tuple[Split, ...]:
    """Every item with its owner in this community, which must be declared."""
    notes = fleet.communities[community].file.responsibility_notes
    return tuple(
        Split(item, owner_of(fleet, community, item.slug), notes.get(item.slug, ""))
        for item in items_of(fleet)
    )
