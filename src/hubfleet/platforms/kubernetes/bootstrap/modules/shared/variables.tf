# The same for every provider. What a provider does not offer is refused when it is asked for.

variable "name" {
  description = "The cluster's name in hubfleet; also the beginning of the names of its buckets."
  type        = string
}

variable "account" {
  description = "Who pays: the project (gcp), account (aws), subscription (azure) or project (openstack)."
  type        = string
}

variable "region" {
  description = "Where it is, in the provider's words."
  type        = string
}

variable "kubernetes_version" {
  description = "Empty: the provider's default."
  type        = string
  default     = ""
}

variable "core_nodes" {
  description = "Nodes for hubs and proxies."
  type = object({
    machine_type = string
    min          = number
    max          = number
  })
}

variable "user_nodes" {
  description = "Pools of nodes for people's servers, by name; `gpu` is a kind of accelerator, empty for none."
  type = map(object({
    machine_type = string
    min          = number
    max          = number
    gpu          = optional(string, "")
  }))
}

variable "buckets" {
  description = "Object storage by name; 0 days: kept for good."
  type = map(object({
    delete_after_days = optional(number, 0)
    requester_pays    = optional(bool, false)
  }))
  default = {
    scratch    = { delete_after_days = 7 }
    persistent = {}
  }
}

variable "namespaces" {
  description = "Namespaces of hubs whose people may use the buckets, through the service account `user`."
  type        = set(string)
  default     = []
}

variable "home_storage_gb" {
  description = "Size of the storage that many nodes mount at once; 0: none."
  type        = number
  default     = 0
}

variable "monthly_budget" {
  description = "Amount, in the currency of the bill, from which `budget_email` is told; 0: nobody."
  type        = number
  default     = 0
}

variable "budget_email" {
  description = "Who is told at 50, 90 and 100 % of the budget."
  type        = string
  default     = ""
}

variable "billing_account" {
  description = "Where the budget is kept, for a provider that needs to know it (gcp)."
  type        = string
  default     = ""
}

variable "tags" {
  description = "By which costs are told apart."
  type        = map(string)
  default     = {}
}
