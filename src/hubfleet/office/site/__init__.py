"""Where the rooms of the office become one Django project: `settings`, and `opening` for the
command line, which needs a room's tables and no web server.
"""
