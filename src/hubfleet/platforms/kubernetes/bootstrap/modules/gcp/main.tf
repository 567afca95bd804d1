terraform {
  required_version = ">= 1.6"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0, < 8.0"
    }
  }
}

provider "google" {
  project               = var.account
  region                = var.region
  billing_project       = var.account
  user_project_override = true
  default_labels        = local.tags
}

locals {
  provider     = "gcp"
  tags         = merge(var.tags, { hubfleet-cluster = var.name })
  cluster_name = google_container_cluster.cluster.name
  server       = "https://${google_container_cluster.cluster.endpoint}"
  certificate_authority = base64decode(
    google_container_cluster.cluster.master_auth[0].cluster_ca_certificate
  )
  exec    = { command = "gke-gcloud-auth-plugin", args = [] }
  buckets = { for name, bucket in google_storage_bucket.bucket : name => bucket.url }
  nodes = {
    core = { "hub.jupyter.org/node-purpose" = "core" }
    user = { "hub.jupyter.org/node-purpose" = "user" }
  }
  home_storage = var.home_storage_gb == 0 ? null : {
    server = google_filestore_instance.homes[0].networks[0].ip_addresses[0]
    path   = "/homes"
  }
  identity      = { "iam.gke.io/gcp-service-account" = google_service_account.user.email }
  storage_class = "standard-rwo"
}

resource "google_container_cluster" "cluster" {
  name                     = var.name
  location                 = var.region
  min_master_version       = var.kubernetes_version == "" ? null : var.kubernetes_version
  remove_default_node_pool = true
  initial_node_count       = 1
  datapath_provider        = "ADVANCED_DATAPATH"
  deletion_protection      = true

  workload_identity_config {
    workload_pool = "${var.account}.svc.id.goog"
  }

  release_channel {
    channel = "REGULAR"
  }

  cluster_autoscaling {
    autoscaling_profile = "OPTIMIZE_UTILIZATION"
  }

  addons_config {
    gcp_filestore_csi_driver_config {
      enabled = true
    }
  }
}

resource "google_container_node_pool" "core" {
  name               = "core"
  cluster            = google_container_cluster.cluster.id
  initial_node_count = 1

  autoscaling {
    total_min_node_count = var.core_nodes.min
    total_max_node_count = var.core_nodes.max
  }

  node_config {
    machine_type    = var.core_nodes.machine_type
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = { "hub.jupyter.org/node-purpose" = "core" }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }
}

resource "google_container_node_pool" "user" {
  for_each           = var.user_nodes
  name               = each.key
  cluster            = google_container_cluster.cluster.id
  initial_node_count = each.value.min

  autoscaling {
    total_min_node_count = each.value.min
    total_max_node_count = each.value.max
  }

  node_config {
    machine_type    = each.value.machine_type
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = { "hub.jupyter.org/node-purpose" = "user" }

    taint {
      key    = "hub.jupyter.org_dedicated"
      value  = "user"
      effect = "NO_SCHEDULE"
    }

    dynamic "guest_accelerator" {
      for_each = each.value.gpu == "" ? [] : [each.value.gpu]
      content {
        type  = guest_accelerator.value
        count = 1
      }
    }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  lifecycle {
    ignore_changes = [initial_node_count]
  }
}

resource "google_service_account" "nodes" {
  account_id   = "${var.name}-nodes"
  display_name = "Nodes of ${var.name}"
}

resource "google_project_iam_member" "nodes" {
  project = var.account
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes.member
}

resource "google_storage_bucket" "bucket" {
  for_each                    = var.buckets
  name                        = "${var.name}-${each.key}"
  location                    = var.region
  requester_pays              = each.value.requester_pays
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  dynamic "lifecycle_rule" {
    for_each = each.value.delete_after_days == 0 ? [] : [each.value.delete_after_days]
    content {
      condition {
        age = lifecycle_rule.value
      }
      action {
        type = "Delete"
      }
    }
  }
}

resource "google_service_account" "user" {
  account_id   = "${var.name}-user"
  display_name = "People's servers on ${var.name}"
}

resource "google_service_account_iam_member" "user" {
  for_each           = var.namespaces
  service_account_id = google_service_account.user.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.account}.svc.id.goog[${each.key}/user]"
  depends_on         = [google_container_cluster.cluster]
}

resource "google_storage_bucket_iam_member" "user" {
  for_each = var.buckets
  bucket   = google_storage_bucket.bucket[each.key].name
  role     = "roles/storage.objectAdmin"
  member   = google_service_account.user.member
}

resource "google_filestore_instance" "homes" {
  count    = var.home_storage_gb == 0 ? 0 : 1
  name     = "${var.name}-homes"
  location = "${var.region}-b"
  tier     = "BASIC_HDD"

  file_shares {
    name        = "homes"
    capacity_gb = var.home_storage_gb
  }

  networks {
    network = "default"
    modes   = ["MODE_IPV4"]
  }
}

resource "google_monitoring_notification_channel" "budget" {
  count        = var.monthly_budget == 0 ? 0 : 1
  display_name = "Budget of ${var.name}"
  type         = "email"
  labels       = { email_address = var.budget_email }
}

resource "google_billing_budget" "budget" {
  count           = var.monthly_budget == 0 ? 0 : 1
  billing_account = var.billing_account
  display_name    = var.name

  budget_filter {
    projects = ["projects/${var.account}"]
  }

  amount {
    specified_amount {
      units = floor(var.monthly_budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.budget[0].id]
    disable_default_iam_recipients   = true
  }

  lifecycle {
    precondition {
      condition     = var.billing_account != "" && var.budget_email != ""
      error_message = "A budget needs `billing_account` and `budget_email`."
    }
  }
}
