"""Other issuers that vouch for a client, such as a cluster's: their public keys, fetched by three clocks.

It may import clients and the modules beside the rooms. It is loaded only if the tenant has federated clients.
"""
