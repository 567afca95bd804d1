"""What works with one cloud provider alone, by the texts and keys of what is passed through. Pure.

Not everything of a provider is proprietary: OpenStack is free software, and is not in these lists.
"""

from __future__ import annotations

import ipaddress
import re

# Labels, annotations, drivers and sources of volumes: parts of a path or of a text.
_KEYS = (
    ("eks.amazonaws.com", "Amazon's Kubernetes"),
    ("ec2.amazonaws.com", "Amazon's machines"),
    ("karpenter.k8s.aws", "Amazon's Kubernetes"),
    ("alb.ingress.kubernetes.io", "Amazon's load balancers"),
    ("beta.kubernetes.io/aws-load-balancer", "Amazon's load balancers"),
    ("ebs.csi.aws.com", "Amazon's disks"),
    ("efs.csi.aws.com", "Amazon's file storage"),
    ("awsElasticBlockStore", "Amazon's disks"),
    ("iam.gke.io", "Google's Kubernetes"),
    ("cloud.google.com", "Google's Kubernetes"),
    ("networking.gke.io", "Google's Kubernetes"),
    ("topology.gke.io", "Google's Kubernetes"),
    ("gke-", "Google's Kubernetes"),
    ("csi.storage.gke.io", "Google's storage"),
    ("gcePersistentDisk", "Google's disks"),
    ("azure.workload.identity", "Azure's Kubernetes"),
    ("kubernetes.azure.com", "Azure's Kubernetes"),
    ("beta.kubernetes.io/azure-load-balancer", "Azure's load balancers"),
    ("disk.csi.azure.com", "Azure's disks"),
    ("file.csi.azure.com", "Azure's file storage"),
    ("azureDisk", "Azure's disks"),
    ("azureFile", "Azure's file storage"),
)
_CLASS_KEY = re.compile(r"\.(storageClassName|storageClass|storage_class)$")
# Names of storage classes that come with a provider's clusters, and mean nothing elsewhere.
_CLASSES = (
    (re.compile(r"(gp[23]|io[12]|st1|sc1|efs(-sc)?)"), "Amazon's storage"),
    (
        re.compile(r"(standard|premium|enterprise|enterprise-multishare|zonal)-rw[ox]"),
        "Google's storage",
    ),
    (re.compile(r"(managed|azurefile|azureblob)(-[a-z0-9-]+)?"), "Azure's storage"),
    (re.compile(r"do-block-storage(-[a-z]+)*"), "DigitalOcean's storage"),
    (re.compile(r"linode-block-storage(-[a-z]+)*"), "Linode's storage"),
    (re.compile(r"oci-bv(-[a-z]+)*"), "Oracle's storage"),
)
_SERVICES = (
    (re.compile(r"\.amazonaws\.com(\.cn)?\b"), "Amazon"),
    (re.compile(r"\.(googleapis\.com|cloudfunctions\.net|run\.app)\b"), "Google"),
    (re.compile(r"\.(core|database)\.windows\.net\b|\.azure\.(com|net)\b"), "Azure"),
)
_BUCKET = re.compile(
    r"\b(s3|gs|gcs|abfs|abfss|wasb|wasbs)://|\bs3[.-]([a-z0-9-]+\.)?amazonaws\.com|"
    r"\bstorage\.googleapis\.com|\.(blob|dfs)\.core\.windows\.net"
)
_ADDRESS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])")
_INSIDE = re.compile(r"\.(internal|local|svc|svc\.cluster\.local|lan|intranet)(?=[:/\s]|$)")


def kind_of(path: str, text: str) -> tuple[str, dict[str, str]] | None:
    """The code of what a text at a path of the declaration is, with its words; one of several."""
    whose = next((whose for words, whose in _KEYS if words in path or words in text), None)
    if whose is None and _CLASS_KEY.search(path):
        whose = next((whose for pattern, whose in _CLASSES if pattern.fullmatch(text)), None)
    if whose is not None:
        return "provider-only", {"path": path, "whose": whose}
    if _BUCKET.search(text):
        return "bucket-stays", {"path": path}
    service = next((whose for pattern, whose in _SERVICES if pattern.search(text)), None)
    if service is not None and not path.endswith(("image", "image.name")):
        return "provider-service", {"path": path, "whose": service}
    if _INSIDE.search(text) or any(map(_is_private, _ADDRESS.findall(text))):
        return "inside-address", {"path": path}
    return None


def _is_private(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_private and not address.is_loopback and not address.is_unspecified
