"""One sign-in for all hubs: the console as their OpenID Connect provider.

`clients` knows the hubs as clients, `entering` asks whether a person may enter one, `server` and
`validator` are the provider's rules on top of django-oauth-toolkit, `views` its pages. `ending`
takes access away again, by `hub_calls` to the hubs' own API. `configured` are Django's settings.
"""
