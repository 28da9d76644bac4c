"""The services beside node-oidc-provider and express-oauth2-jwt-bearer, in one run: `make bench-peers`."""
