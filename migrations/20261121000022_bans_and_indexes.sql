-- What a ban interrupted, and indexes that were missing.

ALTER TABLE enrollments
    -- The status that a ban ended and that its end brings back: nobody comes in by a ban. Null: `approved`.
    ADD COLUMN banned_from text COLLATE "C",
    ADD CONSTRAINT enrollments_banned_from_check CHECK (banned_from IN
        ('pending', 'approved', 'rejected', 'invited', 'declined', 'deactivated', 'archived')),
    -- An invitation outlasts a ban.
    ADD CONSTRAINT enrollments_banned_invite_check CHECK (banned_from <> 'invited' OR invite_expires_at IS NOT NULL);

-- The partner stands before the program: whether somebody is in any program at all is asked too, when a person may go
-- and by the foreign key to `partners`.
ALTER TABLE links DROP CONSTRAINT links_enrollment_fkey;
ALTER TABLE enrollments
    DROP CONSTRAINT enrollments_partner_key,
    ADD CONSTRAINT enrollments_partner_key UNIQUE (workspace_id, partner_id, program_id);
ALTER TABLE links ADD CONSTRAINT links_enrollment_fkey FOREIGN KEY (workspace_id, program_id, partner_id)
    REFERENCES enrollments (workspace_id, program_id, partner_id);

CREATE INDEX audit_logs_action_idx ON audit_logs (workspace_id, program_id, action, created_at, id);

COMMENT ON TRIGGER links_totals ON links IS
    'Writes to the enrollment after the link. Everything else locks the enrollment first, so whoever counts on a link '
    'does too (FOR NO KEY UPDATE): else it and a change of the tenant id, which goes on to the links, wait for each other.';
