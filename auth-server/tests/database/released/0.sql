CREATE TABLE apis (
    identifier VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    scopes JSON NOT NULL,
    token_lifetime INTEGER,
    signing_alg VARCHAR NOT NULL,
    introspected_by VARCHAR,
    PRIMARY KEY (identifier)
);
CREATE TABLE clients (
    client_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    enabled BOOLEAN NOT NULL,
    secret_digest_files JSON NOT NULL,
    jwks_file VARCHAR,
    token_endpoint_audience BOOLEAN,
    dpop_bound_access_tokens BOOLEAN,
    tls_client_auth VARCHAR,
    self_signed_tls_client_auth VARCHAR,
    tls_client_certificate_bound_access_tokens BOOLEAN,
    metadata JSON,
    PRIMARY KEY (client_id)
);
CREATE TABLE signing_keys (
    kid VARCHAR NOT NULL,
    alg VARCHAR NOT NULL,
    generation INTEGER NOT NULL,
    announced_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL,
    longest_lifetime INTEGER NOT NULL,
    revoked_at INTEGER,
    unused_from INTEGER,
    public_jwk JSON NOT NULL,
    encrypted_private_jwk BLOB NOT NULL,
    PRIMARY KEY (kid),
    UNIQUE (alg, generation)
);
CREATE TABLE secret_uses (
    client_id VARCHAR NOT NULL,
    secret_digest BLOB NOT NULL,
    first_used INTEGER,
    last_used INTEGER NOT NULL,
    PRIMARY KEY (client_id, secret_digest)
);
CREATE TABLE seen_assertions (
    client_id VARCHAR NOT NULL,
    jti_digest BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, jti_digest)
);
CREATE INDEX ix_seen_assertions_expires_at ON seen_assertions (expires_at);
CREATE TABLE seen_proofs (
    proof_digest BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (proof_digest)
);
CREATE INDEX ix_seen_proofs_expires_at ON seen_proofs (expires_at);
CREATE TABLE revoked_tokens (
    jti VARCHAR NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (jti)
);
CREATE INDEX ix_revoked_tokens_expires_at ON revoked_tokens (expires_at);
CREATE TABLE algorithm_changes (
    audience VARCHAR NOT NULL,
    former_alg VARCHAR NOT NULL,
    signs_until INTEGER NOT NULL,
    PRIMARY KEY (audience),
    FOREIGN KEY(audience) REFERENCES apis (identifier) ON DELETE CASCADE
);
CREATE TABLE federated_subjects (
    issuer VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    audience VARCHAR,
    jwks_uri VARCHAR,
    jwks_file VARCHAR,
    ca_file VARCHAR,
    bearer_file VARCHAR,
    trust_domain VARCHAR,
    PRIMARY KEY (issuer, subject),
    FOREIGN KEY(client_id) REFERENCES clients (client_id)
);
CREATE INDEX ix_federated_subjects_trust_domain ON federated_subjects (trust_domain);
CREATE TABLE grants (
    client VARCHAR NOT NULL,
    audience VARCHAR NOT NULL,
    scopes JSON NOT NULL,
    token_lifetime INTEGER,
    PRIMARY KEY (client, audience),
    FOREIGN KEY(client) REFERENCES clients (client_id),
    FOREIGN KEY(audience) REFERENCES apis (identifier)
);
