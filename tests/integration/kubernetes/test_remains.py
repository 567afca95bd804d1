"""What a removed hub leaves on a real API server is found there, and its end, too."""

from __future__ import annotations

import pytest

from hubfleet import wiring
from hubfleet.desk import Desk
from hubfleet.kit.errors import HubfleetError
from hubfleet.planning.steps import RemoveHub
from hubfleet.platforms.kubernetes.api import CLAIMS, NAMESPACES
from hubfleet.platforms.kubernetes.remains import PERSISTENT
from tests.control_plane.control_plane import LIMITED_TOKEN
from tests.integration.kubernetes.acting import HUB, bring_up, nothing
from tests.integration.kubernetes.test_bad_days_reach import grant, other_config, revoke
from tests.integration.kubernetes.volumes import make_claim, until_rights_are_known
from tests.places import until

pytestmark = pytest.mark.integration


def test_everything_that_a_removed_hub_left_is_named_until_it_is_gone(place):
    fleet = place.fleet("one", {HUB: {}, "ant/other": {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    make_claim(place, "claim-bo", "bo")
    space = place.namespace(HUB)
    assert f"clusterroles/{space}" not in platform.remains(HUB, "reef").objects
    platform.perform(RemoveHub(HUB, "reef", ()), nothing)

    installation = wiring.open_installation(fleet.root, place.folder / "desk")
    desk = Desk(installation)
    try:
        left = desk.remains(HUB, "reef")
        assert left.asked == (f"reef/{space}",)
        assert {f"namespaces/{space}", "secrets/hubfleet-pins"} <= set(left.objects)
        assert not [name for name in left.objects if "kube-root-ca" in name or "/default" in name]
        assert not [name for name in left.objects if name.startswith("clusterroles/")]
        volumes = {name for name in left.volumes if name.startswith("persistentvolumes/")}
        assert {f"persistentvolumeclaims/{one}" for one in ("claim-bo", "hub-db-dir")} <= set(
            left.volumes
        )
        assert len(volumes) == 2
        assert left.unseen == ""

        # Nobody deletes the disks of this plane, as of a class that retains them.
        for claim in place.api.select(CLAIMS, space):
            name = claim["metadata"]["name"]
            place.api.change(CLAIMS, name, {"metadata": {"finalizers": None}}, space)
        place.api.delete(NAMESPACES, space)
        until(lambda: place.api.find(NAMESPACES, space) is None, "the namespace to be gone")
        left = desk.remains(HUB, "reef")
        assert (left.objects, set(left.volumes)) == ((), volumes)
        for name in volumes:
            place.api.delete(PERSISTENT, name.partition("/")[2])
        until(lambda: desk.remains(HUB, "reef").volumes == (), "the volumes to be gone")
        assert desk.remains("ant/other", "reef").volumes, "another hub's are its own"
        with pytest.raises(HubfleetError) as caught:
            desk.remains(HUB, "tide")
        assert str(caught.value.problems[0]) == (
            "error[cluster-not-declared]: the cluster `tide` is not declared any more\n"
            f"  --> {fleet.root / 'clusters'}\n"
            "  why: ant/prod was on it\n"
            "  hint: look there by other means; or declare it once more, until nothing is left"
        )
    finally:
        assert installation.kubernetes is not None
        installation.kubernetes.end()


def test_an_account_that_may_not_see_volumes_says_so(place):
    config = other_config(place, "limited.yaml", token=LIMITED_TOKEN)
    fleet = place.fleet("one", {HUB: {}}, kubernetes={"kubeconfig": str(config)})
    platform = place.platform(fleet)
    rights = platform.rights("reef")
    for value in rights:
        for rule in value.get("rules", ()):
            rule["resources"] = [one for one in rule["resources"] if one != "persistentvolumes"]
        if "rules" in value:
            value["rules"] = [rule for rule in value["rules"] if rule["resources"]]
    grant(place, rights)
    try:
        until_rights_are_known(config, ("list", NAMESPACES), ("list", PERSISTENT))
        left = platform.remains(HUB, "reef")
        assert (left.objects, left.volumes) == ((), ())
        assert left.unseen == (
            "our account on the cluster `reef` may not list persistentvolumes in the cluster"
        )
        found = {one.check: one for one in platform.examine("reef")}["rights"]
        assert "list persistentvolumes" in found.told
    finally:
        revoke(place)
