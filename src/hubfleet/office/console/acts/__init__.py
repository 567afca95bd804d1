"""Pages on which people act: forms in, a commit or a process out, then a redirect.

Every view asks `rights` through `doing`, and templates show the same decision: a button where it
is yes, and otherwise who could. All of it works without JavaScript.
"""
