-- Counts for tests, as nothing in the API counts yet: functions of the session that set what links have counted and what
-- enrollments have earned, and keep the totals of the enrollments in step.

CREATE OR REPLACE FUNCTION pg_temp.add_to_totals(enrollment enrollments, clicks bigint, leads bigint, conversions bigint,
                                                 sales bigint, sale_amount bigint, commissions bigint) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    UPDATE enrollments e SET uncounted = NULL
    WHERE e.workspace_id = enrollment.workspace_id AND e.id = enrollment.id AND e.uncounted IS NOT NULL;
    INSERT INTO enrollment_stats AS s (workspace_id, program_id, enrollment_id, total_clicks, total_leads,
                                       total_conversions, total_sales, total_sale_amount, total_commissions)
    VALUES (enrollment.workspace_id, enrollment.program_id, enrollment.id, clicks, leads, conversions, sales, sale_amount,
            commissions)
    ON CONFLICT (workspace_id, program_id, enrollment_id) DO UPDATE
    SET total_clicks = s.total_clicks + EXCLUDED.total_clicks, total_leads = s.total_leads + EXCLUDED.total_leads,
        total_conversions = s.total_conversions + EXCLUDED.total_conversions,
        total_sales = s.total_sales + EXCLUDED.total_sales,
        total_sale_amount = s.total_sale_amount + EXCLUDED.total_sale_amount,
        total_commissions = s.total_commissions + EXCLUDED.total_commissions;
END $$;

-- Sets the named counters of all links that fit a condition on `links l`.
CREATE OR REPLACE FUNCTION pg_temp.set_counters(condition text, counters jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    link       links;
    enrollment enrollments;
    was        link_stats;
    is_now     link_stats;
BEGIN
    FOR link IN EXECUTE 'SELECT l.* FROM links l WHERE ' || condition LOOP
        INSERT INTO link_stats (workspace_id, link_id) VALUES (link.workspace_id, link.id) ON CONFLICT DO NOTHING;
        SELECT * INTO was FROM link_stats s WHERE s.workspace_id = link.workspace_id AND s.link_id = link.id;
        is_now := jsonb_populate_record(was, counters);
        UPDATE link_stats s
        SET clicks = is_now.clicks, leads = is_now.leads, conversions = is_now.conversions, sales = is_now.sales,
            sale_amount = is_now.sale_amount, last_clicked = is_now.last_clicked
        WHERE s.workspace_id = link.workspace_id AND s.link_id = link.id;
        SELECT * INTO enrollment FROM enrollments e
        WHERE e.workspace_id = link.workspace_id AND e.program_id = link.program_id AND e.partner_id = link.partner_id;
        PERFORM pg_temp.add_to_totals(
            enrollment, is_now.clicks - was.clicks, is_now.leads - was.leads, is_now.conversions - was.conversions,
            is_now.sales - was.sales, is_now.sale_amount - was.sale_amount, 0);
    END LOOP;
END $$;

-- Sets what all enrollments that fit a condition on `enrollments e` have earned.
CREATE OR REPLACE FUNCTION pg_temp.set_commissions(condition text, amount bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    enrollment enrollments;
    was        bigint;
BEGIN
    FOR enrollment IN EXECUTE 'SELECT e.* FROM enrollments e WHERE ' || condition LOOP
        SELECT s.total_commissions INTO was FROM enrollment_stats s
        WHERE s.workspace_id = enrollment.workspace_id AND s.enrollment_id = enrollment.id;
        PERFORM pg_temp.add_to_totals(enrollment, 0, 0, 0, 0, 0, amount - COALESCE(was, 0));
    END LOOP;
END $$;
