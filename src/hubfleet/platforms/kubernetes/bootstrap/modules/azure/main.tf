terraform {
  required_version = ">= 1.6"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.0, < 5.0"
    }
  }
}

provider "azurerm" {
  subscription_id     = var.account
  storage_use_azuread = true

  features {}
}

locals {
  provider              = "azure"
  tags                  = merge(var.tags, { hubfleet-cluster = var.name })
  account_name          = substr(replace(var.name, "-", ""), 0, 18)
  cluster_name          = azurerm_kubernetes_cluster.cluster.name
  server                = azurerm_kubernetes_cluster.cluster.kube_config[0].host
  certificate_authority = base64decode(azurerm_kubernetes_cluster.cluster.kube_config[0].cluster_ca_certificate)
  exec = {
    command = "kubelogin"
    args    = ["get-token", "--login", "azurecli", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"]
  }
  buckets = {
    for name, container in azurerm_storage_container.bucket :
    name => "abfs://${container.name}@${azurerm_storage_account.buckets.primary_blob_host}"
  }
  nodes = {
    core = { "hub.jupyter.org/node-purpose" = "core" }
    user = { "hub.jupyter.org/node-purpose" = "user" }
  }
  home_storage = var.home_storage_gb == 0 ? null : {
    server = azurerm_storage_account.homes[0].primary_file_host
    path   = "/${azurerm_storage_account.homes[0].name}/homes"
  }
  identity      = { "azure.workload.identity/client-id" = azurerm_user_assigned_identity.user.client_id }
  storage_class = "managed-csi"
}

resource "azurerm_resource_group" "cluster" {
  name     = var.name
  location = var.region
  tags     = local.tags
}

resource "azurerm_kubernetes_cluster" "cluster" {
  name                      = var.name
  location                  = azurerm_resource_group.cluster.location
  resource_group_name       = azurerm_resource_group.cluster.name
  dns_prefix                = var.name
  kubernetes_version        = var.kubernetes_version == "" ? null : var.kubernetes_version
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
  local_account_disabled    = true
  tags                      = local.tags

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled = true
  }

  identity {
    type = "SystemAssigned"
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
  }

  default_node_pool {
    name                        = "core"
    vm_size                     = var.core_nodes.machine_type
    auto_scaling_enabled        = true
    min_count                   = max(1, var.core_nodes.min)
    max_count                   = var.core_nodes.max
    node_labels                 = { "hub.jupyter.org/node-purpose" = "core" }
    temporary_name_for_rotation = "coretemp"
  }
}

resource "azurerm_kubernetes_cluster_node_pool" "user" {
  for_each              = var.user_nodes
  name                  = each.key
  kubernetes_cluster_id = azurerm_kubernetes_cluster.cluster.id
  vm_size               = each.value.machine_type
  auto_scaling_enabled  = true
  min_count             = each.value.min
  max_count             = each.value.max
  node_labels           = { "hub.jupyter.org/node-purpose" = "user" }
  node_taints           = ["hub.jupyter.org_dedicated=user:NoSchedule"]
  tags                  = local.tags
}

resource "azurerm_storage_account" "buckets" {
  name                            = "${local.account_name}data"
  location                        = azurerm_resource_group.cluster.location
  resource_group_name             = azurerm_resource_group.cluster.name
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  is_hns_enabled                  = true
  shared_access_key_enabled       = false
  allow_nested_items_to_be_public = false
  tags                            = local.tags
}

resource "azurerm_storage_container" "bucket" {
  for_each           = var.buckets
  name               = each.key
  storage_account_id = azurerm_storage_account.buckets.id

  lifecycle {
    precondition {
      condition     = !each.value.requester_pays
      error_message = "Azure has no requester-pays: leave `requester_pays` of `${each.key}` false."
    }
  }
}

resource "azurerm_storage_management_policy" "buckets" {
  storage_account_id = azurerm_storage_account.buckets.id

  dynamic "rule" {
    for_each = { for name, bucket in var.buckets : name => bucket if bucket.delete_after_days > 0 }
    content {
      name    = rule.key
      enabled = true

      filters {
        blob_types   = ["blockBlob"]
        prefix_match = ["${rule.key}/"]
      }

      actions {
        base_blob {
          delete_after_days_since_modification_greater_than = rule.value.delete_after_days
        }
      }
    }
  }
}

resource "azurerm_user_assigned_identity" "user" {
  name                = "${var.name}-user"
  location            = azurerm_resource_group.cluster.location
  resource_group_name = azurerm_resource_group.cluster.name
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "user" {
  for_each            = var.namespaces
  name                = each.key
  resource_group_name = azurerm_resource_group.cluster.name
  parent_id           = azurerm_user_assigned_identity.user.id
  issuer              = azurerm_kubernetes_cluster.cluster.oidc_issuer_url
  audience            = ["api://AzureADTokenExchange"]
  subject             = "system:serviceaccount:${each.key}:user"
}

resource "azurerm_role_assignment" "user" {
  scope                = azurerm_storage_account.buckets.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.user.principal_id
}

resource "azurerm_storage_account" "homes" {
  count                           = var.home_storage_gb == 0 ? 0 : 1
  name                            = "${local.account_name}homes"
  location                        = azurerm_resource_group.cluster.location
  resource_group_name             = azurerm_resource_group.cluster.name
  account_kind                    = "FileStorage"
  account_tier                    = "Premium"
  account_replication_type        = "LRS"
  https_traffic_only_enabled      = false
  allow_nested_items_to_be_public = false
  tags                            = local.tags
}

resource "azurerm_storage_share" "homes" {
  count              = var.home_storage_gb == 0 ? 0 : 1
  name               = "homes"
  storage_account_id = azurerm_storage_account.homes[0].id
  enabled_protocol   = "NFS"
  quota              = var.home_storage_gb
}

resource "azurerm_consumption_budget_resource_group" "budget" {
  count             = var.monthly_budget == 0 ? 0 : 1
  name              = var.name
  resource_group_id = azurerm_resource_group.cluster.id
  amount            = var.monthly_budget
  time_grain        = "Monthly"

  time_period {
    start_date = formatdate("YYYY-MM-01'T'00:00:00Z", timestamp())
  }

  dynamic "notification" {
    for_each = [50, 90, 100]
    content {
      operator       = "GreaterThan"
      threshold      = notification.value
      contact_emails = [var.budget_email]
    }
  }

  lifecycle {
    ignore_changes = [time_period]

    precondition {
      condition     = var.budget_email != ""
      error_message = "A budget needs `budget_email`."
    }
  }
}
