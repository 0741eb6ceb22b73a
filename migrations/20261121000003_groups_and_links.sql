-- The whole link object, tags, and what a group decides about the links of its partners.

ALTER TABLE programs
    -- A program that is inactive is one that does not exist, to every request.
    ADD COLUMN deactivated_at timestamptz;

ALTER TABLE groups
    ADD COLUMN color             text COLLATE "C",
    -- How many links a partner may have; null: any number.
    ADD COLUMN max_partner_links integer,
    -- Hosts that links may lead to, `*.acme.com` for all below one; empty: every host.
    ADD COLUMN allowed_hosts     text[] COLLATE "C" NOT NULL DEFAULT '{}',
    ADD COLUMN updated_at        timestamptz,
    -- A deleted group is kept for the links that were made for its default links.
    ADD COLUMN deleted_at        timestamptz,
    ADD CONSTRAINT groups_max_partner_links_check CHECK (max_partner_links >= 1),
    DROP CONSTRAINT groups_slug_key;

UPDATE groups SET updated_at = created_at;
ALTER TABLE groups ALTER COLUMN updated_at SET NOT NULL;

CREATE UNIQUE INDEX groups_slug_key ON groups (workspace_id, program_id, slug) WHERE deleted_at IS NULL;

ALTER TABLE group_default_links
    -- No longer given to anybody; the links that were made for it stay, as links like any other.
    ADD COLUMN removed_at timestamptz;

CREATE TABLE tags (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    name         text        NOT NULL,
    -- Lower case of `name`, made by the server.
    name_folded  text        COLLATE "C" NOT NULL,
    color        text        COLLATE "C" NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT tags_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT tags_name_key UNIQUE (workspace_id, name_folded),
    CONSTRAINT tags_workspace_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
);

CREATE TABLE link_tags (
    workspace_id uuid NOT NULL,
    link_id      uuid NOT NULL,
    tag_id       uuid NOT NULL,
    CONSTRAINT link_tags_pkey PRIMARY KEY (workspace_id, link_id, tag_id),
    CONSTRAINT link_tags_link_fkey FOREIGN KEY (workspace_id, link_id) REFERENCES links (workspace_id, id)
        ON DELETE CASCADE,
    CONSTRAINT link_tags_tag_fkey FOREIGN KEY (workspace_id, tag_id) REFERENCES tags (workspace_id, id)
        ON DELETE CASCADE
);

CREATE INDEX link_tags_tag_idx ON link_tags (workspace_id, tag_id, link_id);

-- Until now any text was taken for the name of a tag.
INSERT INTO tags (workspace_id, id, name, name_folded, color, created_at)
SELECT workspace_id, gen_random_uuid(), min(name), lower(name), 'blue', now()
FROM links, unnest(tag_names) AS name WHERE name <> '' GROUP BY workspace_id, lower(name);

INSERT INTO link_tags (workspace_id, link_id, tag_id)
SELECT DISTINCT l.workspace_id, l.id, t.id
FROM links l, unnest(l.tag_names) AS given (name), tags t
WHERE t.workspace_id = l.workspace_id AND t.name_folded = lower(given.name);

ALTER TABLE links
    DROP COLUMN tag_ids,
    DROP COLUMN tag_names,
    ADD COLUMN track_conversion             boolean     NOT NULL DEFAULT true,
    ADD COLUMN public_stats                 boolean     NOT NULL DEFAULT false,
    ADD COLUMN disabled_at                  timestamptz,
    ADD COLUMN geo                          jsonb,
    ADD COLUMN utm_source                   text,
    ADD COLUMN utm_medium                   text,
    ADD COLUMN utm_campaign                 text,
    ADD COLUMN utm_term                     text,
    ADD COLUMN utm_content                  text,
    ADD COLUMN last_clicked                 timestamptz,
    -- A visitor of the link's own address is tracked without the key in it, and may be sent elsewhere.
    ADD COLUMN direct_tracking              boolean     NOT NULL DEFAULT false,
    ADD COLUMN direct_tracking_redirect     boolean     NOT NULL DEFAULT false,
    ADD COLUMN direct_tracking_redirect_url text,
    ADD COLUMN updated_at                   timestamptz,
    ADD CONSTRAINT links_direct_tracking_check
        CHECK (NOT direct_tracking_redirect OR direct_tracking_redirect_url IS NOT NULL);

UPDATE links SET updated_at = created_at;
ALTER TABLE links ALTER COLUMN updated_at SET NOT NULL;
