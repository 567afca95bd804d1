"""Who is woken, and how it reaches them: `paging` is the door for whoever has a problem to tell.

A page is one problem, open until it is settled. `paging` writes it down in the caller's
transaction; `escalating` decides whom it reaches next, until somebody has acknowledged it;
`delivering` carries each message, again and again while its way is closed. Who is on call is
declared (`fleet.oncall`); the office adds time off that it reads from calendars (`absences`).
"""
