-- Tenants and what must be found before the tenant is known.
--
-- Why the shapes: `workspace_id` leads every primary key, unique index and foreign key of a tenant
-- table, so that a row can never refer to another tenant's row (a plain foreign key would: it is not
-- subject to row level security) and so that a tenant's rows can be placed on one node. Text that is
-- compared is COLLATE "C": equality is then equality of bytes, whatever locale the cluster has.
-- Constraints are named: `src/error.rs` maps those names to API errors.

CREATE TABLE workspaces (
    id                 uuid        NOT NULL,
    slug               text        COLLATE "C" NOT NULL,
    name               text        NOT NULL,
    plan               text        COLLATE "C" NOT NULL,
    default_program_id uuid        NOT NULL,
    created_at         timestamptz NOT NULL,
    CONSTRAINT workspaces_pkey PRIMARY KEY (id),
    CONSTRAINT workspaces_slug_key UNIQUE (slug),
    CONSTRAINT workspaces_plan_check CHECK (plan IN ('free', 'pro', 'business', 'advanced', 'enterprise'))
);

CREATE TABLE programs (
    workspace_id           uuid        NOT NULL,
    id                     uuid        NOT NULL,
    name                   text        NOT NULL,
    url                    text        NOT NULL,
    access_mode            text        COLLATE "C" NOT NULL,
    token_lifetime_seconds integer     NOT NULL,
    default_group_id       uuid        NOT NULL,
    default_domain_id      uuid        NOT NULL,
    created_at             timestamptz NOT NULL,
    CONSTRAINT programs_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT programs_workspace_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces (id),
    CONSTRAINT programs_access_mode_check CHECK (access_mode IN ('public', 'private', 'invite')),
    CONSTRAINT programs_token_lifetime_check CHECK (token_lifetime_seconds BETWEEN 60 AND 10800)
);

-- Deferred here and below: a workspace and its first program, a program and its first group and domain
-- need each other, and are made in one transaction.
ALTER TABLE workspaces
    ADD CONSTRAINT workspaces_default_program_fkey
        FOREIGN KEY (id, default_program_id) REFERENCES programs (workspace_id, id)
        DEFERRABLE INITIALLY DEFERRED;

-- Only the SHA-256 of a key is kept. The primary key is the hash, because the key is what a request
-- brings and the workspace is what it is looked up for.
CREATE TABLE api_keys (
    key_hash     bytea       NOT NULL,
    id           uuid        NOT NULL,
    workspace_id uuid        NOT NULL,
    program_id   uuid,
    name         text        NOT NULL,
    scopes       text[]      COLLATE "C" NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    created_at   timestamptz NOT NULL,
    CONSTRAINT api_keys_pkey PRIMARY KEY (key_hash),
    CONSTRAINT api_keys_id_key UNIQUE (workspace_id, id),
    CONSTRAINT api_keys_workspace_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces (id),
    CONSTRAINT api_keys_program_fkey FOREIGN KEY (workspace_id, program_id) REFERENCES programs (workspace_id, id),
    CONSTRAINT api_keys_hash_check CHECK (octet_length(key_hash) = 32),
    CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) > 0)
);

-- A place where links live: a host that Pearset serves (`https://go.acme.com/` + key), or a page of the
-- customer's own (`https://acme.com?aff=` + key). `url_prefix` is what the key is appended to.
CREATE TABLE domains (
    workspace_id  uuid        NOT NULL,
    id            uuid        NOT NULL,
    program_id    uuid        NOT NULL,
    host          text        COLLATE "C" NOT NULL,
    url_prefix    text        COLLATE "C" NOT NULL,
    is_additional boolean     NOT NULL,
    created_at    timestamptz NOT NULL,
    CONSTRAINT domains_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT domains_program_key UNIQUE (workspace_id, program_id, id),
    CONSTRAINT domains_url_prefix_key UNIQUE (workspace_id, url_prefix),
    CONSTRAINT domains_program_fkey FOREIGN KEY (workspace_id, program_id) REFERENCES programs (workspace_id, id)
);

-- Which workspace answers for a host that Pearset serves: a visitor's click brings nothing but the host.
CREATE TABLE link_hosts (
    host         text COLLATE "C" NOT NULL,
    workspace_id uuid NOT NULL,
    domain_id    uuid NOT NULL,
    CONSTRAINT link_hosts_pkey PRIMARY KEY (host),
    CONSTRAINT link_hosts_domain_fkey FOREIGN KEY (workspace_id, domain_id) REFERENCES domains (workspace_id, id)
);

CREATE TABLE groups (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    program_id   uuid        NOT NULL,
    slug         text        COLLATE "C" NOT NULL,
    name         text        NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT groups_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT groups_program_key UNIQUE (workspace_id, program_id, id),
    CONSTRAINT groups_slug_key UNIQUE (workspace_id, program_id, slug),
    CONSTRAINT groups_program_fkey FOREIGN KEY (workspace_id, program_id) REFERENCES programs (workspace_id, id)
);

-- The default group and domain of a program are its own: the keys include the program.
ALTER TABLE programs
    ADD CONSTRAINT programs_default_group_fkey
        FOREIGN KEY (workspace_id, id, default_group_id) REFERENCES groups (workspace_id, program_id, id)
        DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT programs_default_domain_fkey
        FOREIGN KEY (workspace_id, id, default_domain_id) REFERENCES domains (workspace_id, program_id, id)
        DEFERRABLE INITIALLY DEFERRED;

-- What every partner of a group gets a link to when it is enrolled.
CREATE TABLE group_default_links (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    group_id     uuid        NOT NULL,
    url          text        NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT group_default_links_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT group_default_links_group_fkey FOREIGN KEY (workspace_id, group_id) REFERENCES groups (workspace_id, id)
);

CREATE INDEX group_default_links_group_idx ON group_default_links (workspace_id, group_id, id);
