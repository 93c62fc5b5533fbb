"""Middleboxes that no flow table can be: programs on a router, which a fault switches on."""
