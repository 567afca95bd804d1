"""People: accounts, what they may do, how they come in, and where they belong.

`rights` and `membership` decide and know no Django: every page, form and API call asks `rights`,
the OpenID Connect provider asks `membership`. `people` reads the facts that both need, `joining`
and `leaving` change them, `invitations` and `first_link` are the two ways to get an account,
`adapter` and `rules` tell django-allauth about all this.
"""
