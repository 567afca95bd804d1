"""hubfleet: one declared fleet, many real JupyterHubs."""

__version__ = "0.1.0"
