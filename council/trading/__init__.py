"""From a proposed trade to a filled order: tickets, approvals, and the executor's protocol."""
