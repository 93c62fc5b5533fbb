"""The Session Manager's wire protocol, sans I/O: frames and time go in, events and frames come out.

The agent, the plugin and the relay of the control plane are thin edges on these modules. Nothing here reads a clock,
makes an identifier by itself, or waits.

Source, unless a place names another: amazon-ssm-agent and session-manager-plugin, observed behaviour.
"""
