"""What can be declared about clusters on Kubernetes, and which chart their hubs are made of.

`Kubernetes` says how to reach a cluster and what it offers; `Chart` and `helm_values` are fields of
hubs, so that any layer may set them. Names are those of kubeconfig files, Helm and the Zero to
JupyterHub chart.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hubfleet.fleet.declared import Declared, Deep
from hubfleet.fleet.fields import (
    CHART_REPOSITORY_PATTERN,
    CHART_VERSION_PATTERN,
    CONNECTION_PATTERN,
    LABEL_PATTERN,
    NAMESPACE_PATTERN,
    SERVER_PATTERN,
    VARIABLE_PATTERN,
    Duration,
    Flag,
    Text,
)
from hubfleet.fleet.support import SupportCharts

ZERO_TO_JUPYTERHUB = "https://hub.jupyter.org/helm-chart/"
"""Where the chart comes from unless a hub says otherwise."""

Provider = Literal["gcp", "aws", "azure", "openstack", "other"]


class Exec(Declared):
    """A program that prints credentials, as in kubeconfig files."""

    command: Text
    """The program, such as `gke-gcloud-auth-plugin`."""
    args: tuple[Text, ...] = ()
    """Its arguments."""


class Ingress(Declared):
    """How people's browsers get into the cluster."""

    class_name: Text | None = None
    """The ingress class of hubs' addresses; default: the cluster's own."""
    issuer: Text | None = None
    """The cert-manager cluster issuer that makes their certificates."""
    gateway: str | None = Field(default=None, pattern=LABEL_PATTERN)
    """A Gateway, `namespace/name`, that hubs' routes join instead of having an ingress."""
    tls: Flag = True
    """Whether hubs are reached by https."""
    address: str | None = Field(default=None, pattern=CONNECTION_PATTERN)
    """The `host:port` that probes open, where the hubs' names do not resolve yet."""


class Nodes(Declared):
    """The labels of the nodes that carry hubs, and of those that carry people's servers."""

    core: dict[str, str] = {}
    """Labels of nodes for hubs and proxies; none: any node."""
    user: dict[str, str] = {}
    """Labels of nodes for people's servers; none: any node."""


class Kubernetes(Declared):
    """How to reach a cluster, and what it offers."""

    provider: Provider = "other"
    """Who runs the machines."""
    kubeconfig: Text | None = None
    """A kubeconfig file, relative to the fleet's folder; default: `$KUBECONFIG`, else
    `~/.kube/config`."""
    context: Text | None = None
    """The context in it; default: its current one."""
    server: str | None = Field(default=None, pattern=SERVER_PATTERN)
    """Instead of a kubeconfig: the address of the API."""
    certificate_authority: Text | None = None
    """The file with the certificate that signed the API's, relative to the fleet's folder."""
    exec: Exec | None = None
    """The program that prints credentials for `server`."""
    pass_environment: tuple[Annotated[str, Field(pattern=VARIABLE_PATTERN)], ...] = ()
    """Variables of the environment that the credential program needs, such as `AWS_PROFILE`;
    it gets no others."""
    namespace: str = Field(default="{community}-{hub}", pattern=NAMESPACE_PATTERN)
    """The name of a hub's namespace; `{community}` and `{hub}` stand for the hub's."""
    create_namespaces: Flag = True
    """Make namespaces that do not exist; `false`: somebody else makes them."""
    come_up: Duration = "10m"
    """How long a hub may take until it is ready."""
    storage_class: Text | None = None
    """The storage class of homes and hub databases; default: the cluster's own."""
    shared_storage_class: Text | None = None
    """The storage class of shared folders, which many nodes mount at once."""
    ingress: Ingress = Ingress()
    """How people's browsers get into the cluster."""
    nodes: Nodes = Nodes()
    """The labels of the nodes that carry hubs and people's servers."""
    support: SupportCharts = {}
    """Helm charts beside the hubs, such as an ingress controller, by name."""


class Chart(Declared):
    """The Helm chart that a hub is made of."""

    repository: str | None = Field(default=None, pattern=CHART_REPOSITORY_PATTERN)
    """Where it comes from (`https://` or `oci://`); default: the project's own."""
    name: Text = "jupyterhub"
    """Its name there."""
    version: str | None = Field(default=None, pattern=CHART_VERSION_PATTERN)
    """The exact version, such as `4.3.3`."""
    path: Text | None = None
    """Instead of a version: a folder with the chart, relative to the fleet's folder."""


HelmValues = Annotated[dict[str, Any], Deep()]
"""Values of the chart, merged layer by layer at every depth, as Helm merges files."""
