# The same for every provider: `hubfleet cluster outputs` reads them.

output "provider" {
  value = local.provider
}

output "cluster_name" {
  value = local.cluster_name
}

output "server" {
  description = "The address of the API."
  value       = local.server
}

output "certificate_authority" {
  description = "The certificate that signed the API's, as PEM."
  value       = local.certificate_authority
}

output "exec" {
  description = "The program that prints credentials."
  value       = local.exec
}

output "buckets" {
  description = "The addresses of buckets by name."
  value       = local.buckets
}

output "home_storage" {
  description = "Server and path of the storage that many nodes mount at once; null without one."
  value       = local.home_storage
}

output "identity" {
  description = "Annotations of the service account `user` in each of the namespaces."
  value       = local.identity
}

output "nodes" {
  description = "Labels of the nodes that carry hubs, and of those that carry people's servers."
  value       = local.nodes
}

output "storage_class" {
  description = "The storage class of single volumes."
  value       = local.storage_class
}
