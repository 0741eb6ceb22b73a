-- Who changed what, and when: written in the transaction of the change. `target` is an id in its text form, of
-- whatever kind, and outlives what it names.

CREATE TABLE audit_logs (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    program_id   uuid        NOT NULL,
    -- The API key that asked for it; null for the command line.
    api_key_id   uuid,
    action       text        COLLATE "C" NOT NULL,
    target       text        COLLATE "C" NOT NULL,
    details      jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT audit_logs_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT audit_logs_program_fkey FOREIGN KEY (workspace_id, program_id) REFERENCES programs (workspace_id, id),
    CONSTRAINT audit_logs_api_key_fkey FOREIGN KEY (workspace_id, api_key_id) REFERENCES api_keys (workspace_id, id)
);

CREATE INDEX audit_logs_program_idx ON audit_logs (workspace_id, program_id, created_at, id);
CREATE INDEX audit_logs_target_idx  ON audit_logs (workspace_id, program_id, target, created_at, id);
