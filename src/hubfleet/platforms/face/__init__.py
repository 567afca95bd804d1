"""What every platform's hubs look like: the pages that people see, and the text in them."""
