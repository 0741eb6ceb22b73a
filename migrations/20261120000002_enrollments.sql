-- People, their enrollment in a program, their links, and the events that tell others about it.
--
-- The unique constraints here are the referee of the enrollment rule: `INSERT … ON CONFLICT DO NOTHING`
-- against them is what makes concurrent identical calls end in one enrollment. No counter row is
-- shared by two enrollments, so that creating calls of one program do not wait for each other. For the
-- same reason `partners` and `outbox` have no foreign key to `workspaces`: its check would lock the one
-- workspace row in every creating transaction, and their `workspace_id` refers to no other row.

CREATE TABLE partners (
    workspace_id     uuid        NOT NULL,
    id               uuid        NOT NULL,
    email            text        NOT NULL,
    -- ASCII lower case of `email`, made by the server: an index on lower(email) could not be used
    -- under row level security, as lower() is not leakproof.
    email_normalized text        COLLATE "C" NOT NULL,
    name             text,
    username         text,
    image            text,
    country          text        COLLATE "C",
    description      text,
    created_at       timestamptz NOT NULL,
    CONSTRAINT partners_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT partners_email_key UNIQUE (workspace_id, email_normalized)
);

CREATE TABLE enrollments (
    workspace_id      uuid        NOT NULL,
    id                uuid        NOT NULL,
    program_id        uuid        NOT NULL,
    partner_id        uuid        NOT NULL,
    group_id          uuid        NOT NULL,
    tenant_id         text        COLLATE "C",
    status            text        COLLATE "C" NOT NULL,
    -- A token carries the epoch it was minted in; raising it ends all of them.
    token_epoch       integer     NOT NULL DEFAULT 0,
    invite_expires_at timestamptz,
    banned_at         timestamptz,
    banned_reason     text        COLLATE "C",
    -- Cents.
    total_commissions bigint      NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL,
    CONSTRAINT enrollments_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT enrollments_partner_key UNIQUE (workspace_id, program_id, partner_id),
    CONSTRAINT enrollments_tenant_id_key UNIQUE (workspace_id, program_id, tenant_id),
    CONSTRAINT enrollments_partner_fkey FOREIGN KEY (workspace_id, partner_id) REFERENCES partners (workspace_id, id),
    CONSTRAINT enrollments_group_fkey FOREIGN KEY (workspace_id, program_id, group_id) REFERENCES groups (workspace_id, program_id, id),
    CONSTRAINT enrollments_tenant_id_check CHECK (char_length(tenant_id) BETWEEN 1 AND 255),
    CONSTRAINT enrollments_status_check CHECK (status IN
        ('pending', 'approved', 'rejected', 'invited', 'declined', 'deactivated', 'banned', 'archived')),
    CONSTRAINT enrollments_invite_check CHECK (status <> 'invited' OR invite_expires_at IS NOT NULL),
    CONSTRAINT enrollments_banned_reason_check CHECK (banned_reason IN
        ('tos_violation', 'inappropriate_content', 'fake_traffic', 'fraud', 'spam', 'brand_abuse'))
);

CREATE TABLE links (
    workspace_id          uuid        NOT NULL,
    id                    uuid        NOT NULL,
    program_id            uuid        NOT NULL,
    partner_id            uuid        NOT NULL,
    domain_id             uuid        NOT NULL,
    -- Set on the link that an enrollment got for a default link of its group.
    group_default_link_id uuid,
    key                   text        NOT NULL,
    -- Lower case of `key`, made by the server: keys differ in more than case.
    key_folded            text        COLLATE "C" NOT NULL,
    url                   text        NOT NULL,
    tenant_id             text        COLLATE "C",
    external_id           text        COLLATE "C",
    archived              boolean     NOT NULL DEFAULT false,
    tag_ids               text[]      NOT NULL DEFAULT '{}',
    tag_names             text[]      NOT NULL DEFAULT '{}',
    comments              text,
    expires_at            timestamptz,
    expired_url           text,
    password_hash         text,
    proxy                 boolean     NOT NULL DEFAULT false,
    title                 text,
    description           text,
    image                 text,
    video                 text,
    rewrite               boolean     NOT NULL DEFAULT false,
    ios                   text,
    android               text,
    do_index              boolean     NOT NULL DEFAULT false,
    test_variants         jsonb,
    test_started_at       timestamptz,
    test_completed_at     timestamptz,
    clicks                bigint      NOT NULL DEFAULT 0,
    leads                 bigint      NOT NULL DEFAULT 0,
    conversions           bigint      NOT NULL DEFAULT 0,
    sales                 bigint      NOT NULL DEFAULT 0,
    -- Cents.
    sale_amount           bigint      NOT NULL DEFAULT 0,
    created_at            timestamptz NOT NULL,
    CONSTRAINT links_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT links_key_key UNIQUE (workspace_id, domain_id, key_folded),
    CONSTRAINT links_external_id_key UNIQUE (workspace_id, external_id),
    -- What makes handing out missing default links safe to do twice; also the index of a partner's links.
    CONSTRAINT links_default_link_key UNIQUE (workspace_id, program_id, partner_id, group_default_link_id),
    CONSTRAINT links_enrollment_fkey FOREIGN KEY (workspace_id, program_id, partner_id)
        REFERENCES enrollments (workspace_id, program_id, partner_id),
    CONSTRAINT links_domain_fkey FOREIGN KEY (workspace_id, program_id, domain_id)
        REFERENCES domains (workspace_id, program_id, id),
    CONSTRAINT links_default_link_fkey FOREIGN KEY (workspace_id, group_default_link_id)
        REFERENCES group_default_links (workspace_id, id)
);

-- Events to be delivered, written in the transaction of what they tell about. The order of the ids is that of
-- making, not of committing: whoever delivers them must not go by the last id seen.
CREATE TABLE outbox (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    event        text        COLLATE "C" NOT NULL,
    payload      jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (workspace_id, id)
);
