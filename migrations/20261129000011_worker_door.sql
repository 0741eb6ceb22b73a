-- The door for background workers: functions `workspaces_with_*`, which return the ids of workspaces with work and no row
-- of any tenant. The worker then works on each workspace in a transaction of that workspace.
--
-- Such a function runs with the rights of its caller and sets one tenant after the other, like
-- `find_workspace_of_program`. At its end, the function unsets the tenant, so that the rest of the transaction sees no row
-- of any tenant. The result is in the order of the ids: at most `at_most` workspaces with an id greater than `after`.

-- Returns the workspaces with expired answers to an Idempotency-Key.
CREATE FUNCTION workspaces_with_expired_answers(moment timestamptz, after uuid, at_most integer) RETURNS SETOF uuid
    LANGUAGE plpgsql AS $$
DECLARE
    candidate uuid;
    found_so_far integer := 0;
BEGIN
    FOR candidate IN SELECT id FROM workspaces WHERE id > after ORDER BY id LOOP
        PERFORM set_config('pearset.workspace_id', candidate::text, true);
        IF EXISTS (SELECT FROM idempotency_keys WHERE workspace_id = candidate AND expires_at <= moment) THEN
            RETURN NEXT candidate;
            found_so_far := found_so_far + 1;
            EXIT WHEN found_so_far = at_most;
        END IF;
    END LOOP;
    PERFORM set_config('pearset.workspace_id', '', true);
END $$;

DROP FUNCTION delete_expired_idempotency_keys(timestamptz, integer);
