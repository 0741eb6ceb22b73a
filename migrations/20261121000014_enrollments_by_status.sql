-- Lists of the enrollments with one status. Nearly all of them are approved, and those need no index of their own: any
-- order of the list comes upon the next one soon. The others are few, so that finding them costs little here and
-- a creating call mostly nothing.

CREATE INDEX enrollments_status_idx ON enrollments (workspace_id, program_id, status, id) WHERE status <> 'approved';
