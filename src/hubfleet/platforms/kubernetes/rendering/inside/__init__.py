"""Code that runs inside hubs' pods, carried there as text in the chart's `hub.extraConfig`."""
