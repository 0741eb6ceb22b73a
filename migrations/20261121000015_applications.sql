-- Everybody who waits for a review has an application, and what an application was refused with.
--
-- The note and the suspicion are free text about a person: they stand here, where they go with the person, and not in
-- the audit log, which stays.

UPDATE enrollments SET application_id = gen_random_uuid() WHERE status = 'pending' AND application_id IS NULL;

ALTER TABLE enrollments
    ADD COLUMN rejection_reason        text COLLATE "C",
    ADD COLUMN rejection_note          text,
    -- When the partner may apply again: at once, after 30 days, never.
    ADD COLUMN reapplication_timeframe text COLLATE "C",
    -- Why the reviewer suspects fraud; null: does not.
    ADD COLUMN fraud_suspicion         text,
    ADD CONSTRAINT enrollments_application_check CHECK (status <> 'pending' OR application_id IS NOT NULL),
    ADD CONSTRAINT enrollments_rejection_reason_check CHECK (rejection_reason IN
        ('needsMoreDetail', 'doesNotMeetRequirements', 'notTheRightFit', 'other')),
    ADD CONSTRAINT enrollments_reapplication_timeframe_check CHECK (reapplication_timeframe IN
        ('instant', 'standard', 'never')),
    ADD CONSTRAINT enrollments_fraud_suspicion_check CHECK (fraud_suspicion IS NULL
        OR reapplication_timeframe <> 'instant');
