terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.70, < 7.0"
    }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account]

  default_tags {
    tags = local.tags
  }
}

data "aws_availability_zones" "here" {
  state = "available"
}

locals {
  provider              = "aws"
  tags                  = merge(var.tags, { hubfleet-cluster = var.name })
  zones                 = slice(data.aws_availability_zones.here.names, 0, 2)
  cluster_name          = aws_eks_cluster.cluster.name
  server                = aws_eks_cluster.cluster.endpoint
  certificate_authority = base64decode(aws_eks_cluster.cluster.certificate_authority[0].data)
  exec = {
    command = "aws"
    args    = ["eks", "get-token", "--region", var.region, "--cluster-name", var.name]
  }
  buckets = { for name, bucket in aws_s3_bucket.bucket : name => "s3://${bucket.bucket}" }
  nodes = {
    core = { "hub.jupyter.org/node-purpose" = "core" }
    user = { "hub.jupyter.org/node-purpose" = "user" }
  }
  home_storage = var.home_storage_gb == 0 ? null : {
    server = aws_efs_file_system.homes[0].dns_name
    path   = "/"
  }
  # Pod identity is bound by namespace and name: no annotation is needed.
  identity      = {}
  storage_class = "gp3"
  addons        = ["coredns", "kube-proxy", "vpc-cni", "eks-pod-identity-agent"]
}

resource "aws_vpc" "cluster" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_internet_gateway" "cluster" {
  vpc_id = aws_vpc.cluster.id
}

resource "aws_subnet" "cluster" {
  for_each                = toset(local.zones)
  vpc_id                  = aws_vpc.cluster.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(aws_vpc.cluster.cidr_block, 3, index(local.zones, each.key))
  map_public_ip_on_launch = true
  tags                    = { Name = "${var.name}-${each.key}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_route_table" "cluster" {
  vpc_id = aws_vpc.cluster.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.cluster.id
  }
}

resource "aws_route_table_association" "cluster" {
  for_each       = aws_subnet.cluster
  subnet_id      = each.value.id
  route_table_id = aws_route_table.cluster.id
}

data "aws_iam_policy_document" "assume" {
  for_each = {
    cluster = ["eks.amazonaws.com", "sts:AssumeRole"]
    nodes   = ["ec2.amazonaws.com", "sts:AssumeRole"]
    pods    = ["pods.eks.amazonaws.com", "sts:AssumeRole"]
  }

  statement {
    actions = each.key == "pods" ? ["sts:AssumeRole", "sts:TagSession"] : [each.value[1]]

    principals {
      type        = "Service"
      identifiers = [each.value[0]]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${var.name}-cluster"
  assume_role_policy = data.aws_iam_policy_document.assume["cluster"].json
}

resource "aws_iam_role" "nodes" {
  name               = "${var.name}-nodes"
  assume_role_policy = data.aws_iam_policy_document.assume["nodes"].json
}

resource "aws_iam_role" "pods" {
  for_each           = toset(["user", "ebs", "efs"])
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assume["pods"].json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = toset([
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryReadOnly",
  ])
  role       = aws_iam_role.nodes.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_iam_role_policy_attachment" "storage" {
  for_each = {
    ebs = "AmazonEBSCSIDriverPolicy"
    efs = "AmazonEFSCSIDriverPolicy"
  }
  role       = aws_iam_role.pods[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/${each.value}"
}

resource "aws_eks_cluster" "cluster" {
  name     = var.name
  role_arn = aws_iam_role.cluster.arn
  version  = var.kubernetes_version == "" ? null : var.kubernetes_version

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  vpc_config {
    subnet_ids = [for subnet in aws_subnet.cluster : subnet.id]
  }

  depends_on = [aws_iam_role_policy_attachment.cluster]
}

resource "aws_eks_addon" "plain" {
  for_each     = toset(local.addons)
  cluster_name = aws_eks_cluster.cluster.name
  addon_name   = each.key
  configuration_values = each.key == "vpc-cni" ? jsonencode({
    enableNetworkPolicy = "true"
  }) : null
}

resource "aws_eks_addon" "storage" {
  for_each     = { ebs = "ebs-csi-controller-sa", efs = "efs-csi-controller-sa" }
  cluster_name = aws_eks_cluster.cluster.name
  addon_name   = "aws-${each.key}-csi-driver"

  pod_identity_association {
    role_arn        = aws_iam_role.pods[each.key].arn
    service_account = each.value
  }

  depends_on = [aws_eks_node_group.core]
}

resource "aws_eks_node_group" "core" {
  cluster_name    = aws_eks_cluster.cluster.name
  node_group_name = "core"
  node_role_arn   = aws_iam_role.nodes.arn
  # One zone: a disk cannot follow a pod into another.
  subnet_ids     = [aws_subnet.cluster[local.zones[0]].id]
  instance_types = [var.core_nodes.machine_type]
  labels         = { "hub.jupyter.org/node-purpose" = "core" }

  scaling_config {
    desired_size = max(1, var.core_nodes.min)
    min_size     = var.core_nodes.min
    max_size     = var.core_nodes.max
  }

  depends_on = [aws_iam_role_policy_attachment.nodes]

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }
}

resource "aws_eks_node_group" "user" {
  for_each        = var.user_nodes
  cluster_name    = aws_eks_cluster.cluster.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.nodes.arn
  subnet_ids      = [aws_subnet.cluster[local.zones[0]].id]
  instance_types  = [each.value.machine_type]
  ami_type        = each.value.gpu == "" ? null : "AL2023_x86_64_NVIDIA"
  labels          = { "hub.jupyter.org/node-purpose" = "user" }

  taint {
    key    = "hub.jupyter.org_dedicated"
    value  = "user"
    effect = "NO_SCHEDULE"
  }

  scaling_config {
    desired_size = each.value.min
    min_size     = each.value.min
    max_size     = each.value.max
  }

  depends_on = [aws_iam_role_policy_attachment.nodes]

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }
}

resource "aws_s3_bucket" "bucket" {
  for_each = var.buckets
  bucket   = "${var.name}-${each.key}"
}

resource "aws_s3_bucket_public_access_block" "bucket" {
  for_each                = var.buckets
  bucket                  = aws_s3_bucket.bucket[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_request_payment_configuration" "bucket" {
  for_each = var.buckets
  bucket   = aws_s3_bucket.bucket[each.key].id
  payer    = each.value.requester_pays ? "Requester" : "BucketOwner"
}

resource "aws_s3_bucket_lifecycle_configuration" "bucket" {
  for_each = { for name, bucket in var.buckets : name => bucket if bucket.delete_after_days > 0 }
  bucket   = aws_s3_bucket.bucket[each.key].id

  rule {
    id     = "delete-after"
    status = "Enabled"

    filter {}

    expiration {
      days = each.value.delete_after_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = each.value.delete_after_days
    }
  }
}

data "aws_iam_policy_document" "buckets" {
  statement {
    actions = ["s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = flatten([
      for bucket in aws_s3_bucket.bucket : [bucket.arn, "${bucket.arn}/*"]
    ])
  }
}

resource "aws_iam_role_policy" "user" {
  count  = length(var.buckets) == 0 ? 0 : 1
  name   = "buckets"
  role   = aws_iam_role.pods["user"].id
  policy = data.aws_iam_policy_document.buckets.json
}

resource "aws_eks_pod_identity_association" "user" {
  for_each        = var.namespaces
  cluster_name    = aws_eks_cluster.cluster.name
  namespace       = each.key
  service_account = "user"
  role_arn        = aws_iam_role.pods["user"].arn
}

# Grows by itself; `home_storage_gb` only says whether there is one.
resource "aws_efs_file_system" "homes" {
  count     = var.home_storage_gb == 0 ? 0 : 1
  encrypted = true

  lifecycle_policy {
    transition_to_ia = "AFTER_90_DAYS"
  }
}

resource "aws_efs_mount_target" "homes" {
  for_each        = var.home_storage_gb == 0 ? {} : aws_subnet.cluster
  file_system_id  = aws_efs_file_system.homes[0].id
  subnet_id       = each.value.id
  security_groups = [aws_eks_cluster.cluster.vpc_config[0].cluster_security_group_id]
}

resource "aws_budgets_budget" "budget" {
  count        = var.monthly_budget == 0 ? 0 : 1
  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = [50, 90, 100]
    content {
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      notification_type          = "ACTUAL"
      subscriber_email_addresses = [var.budget_email]
    }
  }

  lifecycle {
    precondition {
      condition     = var.budget_email != ""
      error_message = "A budget needs `budget_email`."
    }
  }
}
