-- What keeps enrollments and their links true to a group while it is changed or deleted.

ALTER TABLE groups
    -- Raised by every change. Whoever makes an enrollment by what it has read of the group makes sure by it that the
    -- group is still so.
    ADD COLUMN version  integer NOT NULL DEFAULT 0,
    -- Where the partners of a deleted group go.
    ADD COLUMN moved_to uuid,
    ADD CONSTRAINT groups_moved_to_fkey FOREIGN KEY (workspace_id, program_id, moved_to)
        REFERENCES groups (workspace_id, program_id, id);

ALTER TABLE group_default_links
    -- Where links that were made for it lead that have yet to follow it to its present url.
    ADD COLUMN previous_urls text[] NOT NULL DEFAULT '{}';
