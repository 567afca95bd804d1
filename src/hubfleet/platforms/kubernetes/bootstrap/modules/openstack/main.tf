terraform {
  required_version = ">= 1.6"
  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = ">= 3.0, < 4.0"
    }
  }
}

provider "openstack" {
  region      = var.region
  tenant_name = var.account
}

# Made by whoever runs the cloud; it says which image, network and version clusters have.
data "openstack_containerinfra_clustertemplate_v1" "template" {
  name = var.kubernetes_version == "" ? "kubernetes" : "kubernetes-${var.kubernetes_version}"
}

locals {
  provider              = "openstack"
  cluster_name          = openstack_containerinfra_cluster_v1.cluster.name
  server                = openstack_containerinfra_cluster_v1.cluster.api_address
  certificate_authority = openstack_containerinfra_cluster_v1.cluster.kubeconfig.cluster_ca_certificate
  exec                  = { command = "client-keystone-auth", args = [] }
  buckets               = { for name, bucket in openstack_objectstorage_container_v1.bucket : name => "swift://${bucket.name}" }
  # Magnum labels nodes with the role of their group.
  nodes = {
    core = { "magnum.openstack.org/role" = "worker" }
    user = { "magnum.openstack.org/role" = "user" }
  }
  home_storage = var.home_storage_gb == 0 ? null : {
    server = split(":", openstack_sharedfilesystem_share_v2.homes[0].export_locations[0].path)[0]
    path   = split(":", openstack_sharedfilesystem_share_v2.homes[0].export_locations[0].path)[1]
  }
  # Pods have no identity of their own on OpenStack: buckets need application credentials.
  identity      = {}
  storage_class = "default"
}

resource "openstack_containerinfra_cluster_v1" "cluster" {
  name                = var.name
  cluster_template_id = data.openstack_containerinfra_clustertemplate_v1.template.id
  master_count        = 1
  node_count          = max(1, var.core_nodes.min)
  flavor              = var.core_nodes.machine_type
  merge_labels        = true
  labels = {
    auto_scaling_enabled = "true"
    min_node_count       = tostring(max(1, var.core_nodes.min))
    max_node_count       = tostring(var.core_nodes.max)
  }

  lifecycle {
    ignore_changes = [node_count]

    precondition {
      condition     = length(var.namespaces) == 0
      error_message = "OpenStack has no identities for pods: leave `namespaces` empty."
    }

    precondition {
      condition     = var.monthly_budget == 0
      error_message = "OpenStack has no budgets: leave `monthly_budget` 0."
    }
  }
}

resource "openstack_containerinfra_nodegroup_v1" "user" {
  for_each       = var.user_nodes
  name           = each.key
  cluster_id     = openstack_containerinfra_cluster_v1.cluster.id
  role           = "user"
  flavor_id      = each.value.machine_type
  node_count     = each.value.min
  min_node_count = each.value.min
  max_node_count = each.value.max

  lifecycle {
    ignore_changes = [node_count]
  }
}

resource "openstack_objectstorage_container_v1" "bucket" {
  for_each = var.buckets
  name     = "${var.name}-${each.key}"
  # Swift deletes objects by a header of each: whoever writes to such a bucket has to set it.
  metadata = each.value.delete_after_days == 0 ? {} : {
    delete-after-days = tostring(each.value.delete_after_days)
  }

  lifecycle {
    precondition {
      condition     = !each.value.requester_pays
      error_message = "OpenStack has no requester-pays: leave `requester_pays` of `${each.key}` false."
    }
  }
}

resource "openstack_sharedfilesystem_share_v2" "homes" {
  count       = var.home_storage_gb == 0 ? 0 : 1
  name        = "${var.name}-homes"
  share_proto = "NFS"
  size        = var.home_storage_gb
}

resource "openstack_sharedfilesystem_share_access_v2" "homes" {
  count        = var.home_storage_gb == 0 ? 0 : 1
  share_id     = openstack_sharedfilesystem_share_v2.homes[0].id
  access_type  = "ip"
  access_to    = "10.0.0.0/8"
  access_level = "rw"
}
