"""A tree of clusters, The Littlest JupyterHub, and a hub that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from typer.testing import CliRunner

from hubfleet.cli import app
from hubfleet.fleet.load import load_fleet
from hubfleet.kit.errors import HubfleetError
from hubfleet.replicate.importing.clusters_tree import from_tree
from hubfleet.replicate.importing.nebari import from_nebari
from hubfleet.replicate.importing.settling import settle
from hubfleet.replicate.importing.tljh import from_tljh
from tests.unit.replicate.fleets import empty_fleet, fate_of, written

TOKEN = "canary-token-0123456789"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two hubs of one cluster, with a chart of their own and an encrypted file."""
    root = tmp_path / "tree"
    cluster = root / "config" / "clusters" / "reef"
    jupyterhub = {"name": "jupyterhub", "version": "4.3.3"}
    written(root / "helm-charts/basehub/Chart.yaml", {"dependencies": [jupyterhub]})
    chart = {"nfs": {"enabled": True}, "jupyterhub": {"singleuser": {"defaultUrl": "/tree"}}}
    written(root / "helm-charts/basehub/values.yaml", chart)
    idps = {"http://google.com/a": {"username_derivation": {"username_claim": "email"}}}
    config = {
        "JupyterHub": {"authenticator_class": "cilogon"},
        "CILogonOAuthenticator": {"allowed_idps": idps},
        "Authenticator": {"admin_users": ["a@b.org"]},
    }
    common = {"jupyterhub": {"hub": {"config": config}, "singleuser": {"defaultUrl": "/lab"}}}
    written(cluster / "common.values.yaml", common)
    hidden = {"CILogonOAuthenticator": {"client_id": "ENC[AES256_GCM,data:canary,type:str]"}}
    sops = {"jupyterhub": {"hub": {"config": hidden}}, "sops": {"version": "3.9.0"}}
    written(cluster / "enc-staging.secret.values.yaml", sops)
    hubs = [
        {
            "name": name,
            "display_name": f"Reef {name}",
            "domain": f"{name}.reef.example.org",
            "helm_chart": "basehub",
            "helm_chart_values_files": files,
        }
        for name, files in (
            ("staging", ["common.values.yaml", "enc-staging.secret.values.yaml"]),
            ("prod", ["common.values.yaml"]),
        )
    ]
    entry = {"name": "reef", "provider": "gcp", "gcp": {"zone": "west-b"}, "hubs": hubs}
    written(cluster / "cluster.yaml", entry)
    return root


def test_a_tree_of_clusters_comes_in_layer_by_layer(tree: Path, tmp_path: Path) -> None:
    root = empty_fleet(tmp_path / "fleet")
    command = ["import", "clusters-tree", str(tree), "--into", str(root), "--json"]
    result = CliRunner().invoke(app, [*command, "--representative", "Ada <ada@example.org>"])
    told = json.loads(result.stdout)
    assert {one["code"] for one in told["missing"]} == {"no-client", "no-client-secret"}
    assert "canary" not in result.output
    prod = yaml.safe_load((root / "communities/reef/hubs/prod.yaml").read_text())
    assert prod["interface"] == "lab"
    assert prod["domain"] == "prod.reef.example.org"
    assert yaml.safe_load((root / "clusters/reef.yaml").read_text()) == {
        "platform": "kubernetes",
        "region": "west-b",
        "kubernetes": {"provider": "gcp", "context": "reef"},
    }
    assert prod["chart"] == {"version": "4.3.3"}
    staging = {one["key"]: one for one in told["hubs"][0]["keys"]}
    client = staging["jupyterhub.hub.config.CILogonOAuthenticator.client_id"]
    assert (client["went"], client["to"]) == ("secret", "access.client.id")
    assert staging["nfs.enabled"]["why"] == (
        "it belongs to another chart than Zero to JupyterHub (`nfs`)"
    )


def test_a_tree_of_hubploy_has_a_hub_for_each_configuration(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    cluster = {"provider": "gcloud", "gcloud": {"cluster": "fall", "zone": "central"}}
    written(tree / "deployments/stat/hubploy.yaml", {"cluster": cluster})
    shared = {"jupyterhub": {"singleuser": {"memory": {"limit": "1G"}, "defaultUrl": "/lab"}}}
    written(tree / "deployments/stat/config/common.yaml", shared)
    more = {"jupyterhub": {"singleuser": {"memory": {"limit": "2G"}}}}
    written(tree / "deployments/stat/config/prod.yaml", more)
    written(tree / "deployments/stat/config/staging.yaml", {})
    token = {"jupyterhub": {"proxy": {"secretToken": "canary"}, "hub": {"cookie": "canary"}}}
    written(tree / "deployments/stat/secrets/prod.yaml", token)
    root = empty_fleet(tmp_path / "fleet")
    result = CliRunner().invoke(app, ["import", "hubploy", str(tree), "--into", str(root)])
    assert "canary" not in result.output
    assert "jupyterhub.hub.cookie -> helm_values.hub.cookie (secret, not written" in result.output
    hubs = root / "communities/stat/hubs"
    prod, staging = (yaml.safe_load((hubs / f"{n}.yaml").read_text()) for n in ("prod", "staging"))
    assert (prod["limits"], staging["limits"]) == ({"memory": "2G"}, {"memory": "1G"})
    assert (prod["stage"], staging["stage"]) == ("production", "staging")
    reached = yaml.safe_load((root / "clusters/fall.yaml").read_text())
    assert reached["kubernetes"] == {"provider": "gcp", "context": "fall"}


def test_nebari_brings_its_profiles_and_tells_what_runs_beside_the_hub(tmp_path: Path) -> None:
    profiles = [
        {"display_name": "Small", "kubespawner_override": {"mem_limit": "2G", "cpu_limit": 1}},
        {"display_name": "Big", "access": "yaml", "groups": ["gpu"], "kubespawner_override": {}},
        {"display_name": "Secret", "access": "keycloak"},
    ]
    file = written(
        tmp_path / "nebari-config.yaml",
        {
            "provider": "gcp",
            "domain": "nebari.example.org",
            "google_cloud_platform": {"region": "west", "project": "p"},
            "security": {"authentication": {"type": "GitHub", "config": {"client_id": "x"}}},
            "profiles": {"jupyterlab": profiles},
            "jupyterhub": {"overrides": {"hub": {"config": {"Authenticator": {"allow_all": 1}}}}},
            "jupyterlab": {"idle_culler": {"kernel_cull_idle_timeout": 30}},
        },
    )
    found, cluster = from_nebari(file, community="lab", hub="prod", cluster="reef")
    settled = settle(found)
    names = [one["name"] for one in settled.declaration["profiles"]]
    assert names == ["Small", "Big"]
    assert settled.declaration["profiles"][1]["groups"] == ["gpu"]
    assert settled.declaration["culling"] == {"kernels": "30m"}
    assert fate_of(settled, "profiles.jupyterlab[2]") == ("not-carried", "")
    assert fate_of(settled, "security.authentication.type") == ("not-carried", "")
    assert fate_of(settled, "domain") == ("typed", "domain")
    assert cluster.declaration("reef")["region"] == "west"


def test_a_file_outside_of_the_tree_is_not_read(tree: Path) -> None:
    file = tree / "config/clusters/reef/cluster.yaml"
    file.write_text(file.read_text().replace("common.values.yaml", "../../../../secret.yaml"))
    with pytest.raises(HubfleetError) as error:
        from_tree(tree)
    assert error.value.problems[0].code == "source-leads-out"


def test_the_littlest_jupyterhub_becomes_a_local_hub(tmp_path: Path) -> None:
    file = written(
        tmp_path / "config.yaml",
        {
            "users": {"admin": ["ada"], "allowed": ["bob"], "banned": ["eve"]},
            "limits": {"memory": "1G", "cpu": 2},
            "auth": {"type": "nativeauthenticator.NativeAuthenticator"},
            "services": {"cull": {"timeout": 600, "every": 60}},
            "user_environment": {"default_app": "classic"},
            "https": {"enabled": True},
            "surprise": 1,
        },
    )
    settled = settle(from_tljh(file, community="class", hub="prod", cluster="here"))
    assert settled.declaration == {
        "cluster": "here",
        "culling": {"idle": "10m"},
        "jupyterhub": {"config": {"Authenticator": {"blocked_users": ["eve"]}}},
        "limits": {"memory": "1G", "cpu": 2},
        "access": {"admins": ["ada"], "allow": {"users": ["bob"]}},
        "interface": "notebook",
    }
    assert fate_of(settled, "surprise") == ("not-carried", "")
    assert len(settled.fates) == 11


class _Hub(BaseHTTPRequestHandler):
    """JupyterHub's API as far as it is asked: pages of users, groups, and a check of the token."""

    users = [{"name": f"p{n}", "admin": n == 0, "last_activity": None} for n in range(450)]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: int(one[0]) for key, one in parse_qs(parts.query).items()}
        allowed = self.headers["Authorization"] == f"token {TOKEN}"
        start = query.get("offset", 0)
        answers: dict[str, Any] = {
            "/hub/api/info": {"authenticator": {"class": "jupyterhub.auth.PAMAuthenticator"}},
            "/hub/api/users": self.users[start : start + query.get("limit", 0)],
            "/hub/api/groups": [{"name": "staff", "users": ["p1"]}, {"name": "Bad Name"}],
        }
        body = json.dumps(answers.get(parts.path)).encode()
        self.send_response(200 if allowed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_running_hub_tells_of_all_its_people(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = empty_fleet(tmp_path / "fleet")
    written(
        root / "clusters/here.yaml",
        "platform: local\ndefaults: {access: {sign_in: shared-password}}\n",
    )
    command = ["import", "jupyterhub", hub, "--into", str(root), "--as", "class/prod"]
    command += ["--cluster", "here", "--representative", "Ada <ada@example.org>", "--json"]
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
    result = CliRunner().invoke(app, command)
    assert TOKEN not in result.output
    told = json.loads(result.stdout)
    assert told["missing"] == []
    assert len(told["people"]["activity"]) == 450
    values = load_fleet(root).hubs["class/prod"].values
    assert values.access.admins == ("p0",)
    assert len(values.access.allow.users) == 449
    assert values.groups == {"staff": ("p1",)}
    lost = [one["key"] for one in told["hubs"][0]["keys"] if one["went"] == "not-carried"]
    assert lost == ["info.authenticator.class", "group Bad Name", "last_activity"]


def test_a_token_without_rights_is_told(hub: str, tmp_path: Path) -> None:
    root = empty_fleet(tmp_path / "fleet")
    token = written(tmp_path / "token", "canary-wrong\n")
    command = ["import", "jupyterhub", hub, "--into", str(root), "--as", "class/prod"]
    result = CliRunner().invoke(app, [*command, "--cluster", "x", "--token-file", str(token)])
    assert str(result.exception) == (
        "error[hub-refuses-token]: `127.0.0.1` does not let this token read `/info`\n"
        "  why: It answered 403.\n"
        "  hint: make a token with the scopes list:users, list:groups and read:users:activity"
    )
    assert not (root / "communities").exists()
