"""What the sandbox clouds share: faults, clock, control plane, bodies, routes, servers.

Nothing here knows a cloud. A cloud's own sandbox is `gatewayd/clouds/<cloud>/sandbox/`, with

    SandboxSettings     its ListenSettings and what else can be set
    open_sandbox        an async context manager of the running sandbox
    describe()          where it listens, for `gatewayd sandbox`
"""
