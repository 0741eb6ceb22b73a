-- The keys that sign embed tokens. Global: a verifier has only the key id of a token's header.
--
-- A new key is published some time before it signs (`active_from`), so that every server and every
-- verifier's copy of the key set knows it by then; an old one stays published until the last token
-- that it signed has expired (`retired_at`).

CREATE TABLE signing_keys (
    kid         text        COLLATE "C" NOT NULL,
    -- PKCS#8, DER.
    private_key bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    active_from timestamptz NOT NULL,
    retired_at  timestamptz,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid)
);
