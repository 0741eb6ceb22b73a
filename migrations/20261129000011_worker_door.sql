-- The door for background workers: functions `workspaces_with_*`, which name workspaces that have work and return
-- nothing of their rows. The worker then works on each workspace in a transaction of that workspace.
--
-- Such a function runs with the rights of its caller and takes the place of one tenant after the other, like
-- `find_workspace_of_program`. Before it returns, it takes the tenant back, so that the rest of the transaction sees no
-- row of any tenant. It returns workspaces after `after` in the order of their ids, at most `at_most`.

-- Workspaces with answers to an Idempotency-Key that have expired.
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
