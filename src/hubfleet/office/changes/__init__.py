"""Acting on the fleet: commits change the declaration, rollouts run in processes of their own.

`rights` says which act an edit is; `repository` speaks to git; `candidate` tries the changed files
before anybody else can see them; `changing` joins them and keeps the record. `running` starts
rollouts and rollbacks and remembers how they went. No page ever waits for one of these processes.
"""
