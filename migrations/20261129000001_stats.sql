-- Moves the counters of links and the totals of enrollments to narrow tables: a count must not rewrite a wide row and all
-- its indexes, and an enrollment without a count must not be in the index of every order.
--
-- The first count creates the row; an absent row means zeros. The first count of an enrollment also sets
-- `enrollments.uncounted` to null in the same transaction. The totals of an enrollment are not the sums over its present
-- links, because the events that were counted for a deleted link have happened.

CREATE TABLE link_stats (
    workspace_id uuid        NOT NULL,
    link_id      uuid        NOT NULL,
    clicks       bigint      NOT NULL DEFAULT 0,
    leads        bigint      NOT NULL DEFAULT 0,
    conversions  bigint      NOT NULL DEFAULT 0,
    sales        bigint      NOT NULL DEFAULT 0,
    -- Minor units.
    sale_amount  bigint      NOT NULL DEFAULT 0,
    last_clicked timestamptz,
    CONSTRAINT link_stats_pkey PRIMARY KEY (workspace_id, link_id),
    CONSTRAINT link_stats_link_fkey FOREIGN KEY (workspace_id, link_id) REFERENCES links (workspace_id, id)
        ON DELETE CASCADE
-- No counter is indexed: an update with room on the page of its row changes no index.
) WITH (fillfactor = 80);

-- An id begins with the millisecond in which the row was created, and `created_at` is the same millisecond: ids are in the
-- order of creation. One index therefore serves both the list by time and the foreign key of `enrollment_stats`.
ALTER TABLE enrollments ADD CONSTRAINT enrollments_program_key UNIQUE (workspace_id, program_id, id);

-- The position of an enrollment without totals in the lists that are sorted by a total: zero. Null from the first count
-- on, when the row in `enrollment_stats` has the position. A list is merged from two indexes, which is fast whether few
-- or most enrollments have totals.
ALTER TABLE enrollments ADD COLUMN uncounted bigint DEFAULT 0;
ALTER TABLE enrollments ADD CONSTRAINT enrollments_uncounted_check CHECK (uncounted = 0);

CREATE TABLE enrollment_stats (
    workspace_id      uuid   NOT NULL,
    program_id        uuid   NOT NULL,
    enrollment_id     uuid   NOT NULL,
    total_clicks      bigint NOT NULL DEFAULT 0,
    total_leads       bigint NOT NULL DEFAULT 0,
    total_conversions bigint NOT NULL DEFAULT 0,
    total_sales       bigint NOT NULL DEFAULT 0,
    -- Minor units, also in the next two columns.
    total_sale_amount bigint NOT NULL DEFAULT 0,
    total_commissions bigint NOT NULL DEFAULT 0,
    net_revenue       bigint NOT NULL GENERATED ALWAYS AS (total_sale_amount - total_commissions) STORED,
    CONSTRAINT enrollment_stats_pkey PRIMARY KEY (workspace_id, program_id, enrollment_id),
    CONSTRAINT enrollment_stats_enrollment_fkey FOREIGN KEY (workspace_id, program_id, enrollment_id)
        REFERENCES enrollments (workspace_id, program_id, id) ON DELETE CASCADE
);

-- With FORCE, row level security hides the rows from the owner of the tables, too.
ALTER TABLE links NO FORCE ROW LEVEL SECURITY;
ALTER TABLE enrollments NO FORCE ROW LEVEL SECURITY;

INSERT INTO link_stats (workspace_id, link_id, clicks, leads, conversions, sales, sale_amount, last_clicked)
SELECT workspace_id, id, clicks, leads, conversions, sales, sale_amount, last_clicked FROM links
WHERE (clicks, leads, conversions, sales, sale_amount) <> (0, 0, 0, 0, 0) OR last_clicked IS NOT NULL
ON CONFLICT DO NOTHING;

INSERT INTO enrollment_stats (workspace_id, program_id, enrollment_id, total_clicks, total_leads, total_conversions,
                              total_sales, total_sale_amount, total_commissions)
SELECT workspace_id, program_id, id, total_clicks, total_leads, total_conversions, total_sales, total_sale_amount,
       total_commissions FROM enrollments
WHERE (total_clicks, total_leads, total_conversions, total_sales, total_sale_amount, total_commissions)
      <> (0, 0, 0, 0, 0, 0)
ON CONFLICT DO NOTHING;

UPDATE enrollments e SET uncounted = NULL FROM enrollment_stats s
WHERE s.workspace_id = e.workspace_id AND s.program_id = e.program_id AND s.enrollment_id = e.id;

ALTER TABLE links FORCE ROW LEVEL SECURITY;
ALTER TABLE enrollments FORCE ROW LEVEL SECURITY;

-- One index for each order of the list; the id decides between equal totals.
CREATE INDEX enrollments_uncounted_idx ON enrollments (workspace_id, program_id, uncounted, id)
    WHERE uncounted IS NOT NULL;
CREATE INDEX enrollment_stats_total_clicks_idx
    ON enrollment_stats (workspace_id, program_id, total_clicks, enrollment_id);
CREATE INDEX enrollment_stats_total_leads_idx
    ON enrollment_stats (workspace_id, program_id, total_leads, enrollment_id);
CREATE INDEX enrollment_stats_total_conversions_idx
    ON enrollment_stats (workspace_id, program_id, total_conversions, enrollment_id);
CREATE INDEX enrollment_stats_total_sales_idx
    ON enrollment_stats (workspace_id, program_id, total_sales, enrollment_id);
CREATE INDEX enrollment_stats_total_sale_amount_idx
    ON enrollment_stats (workspace_id, program_id, total_sale_amount, enrollment_id);
CREATE INDEX enrollment_stats_total_commissions_idx
    ON enrollment_stats (workspace_id, program_id, total_commissions, enrollment_id);
CREATE INDEX enrollment_stats_net_revenue_idx
    ON enrollment_stats (workspace_id, program_id, net_revenue, enrollment_id);

ALTER TABLE link_stats ENABLE ROW LEVEL SECURITY;
ALTER TABLE link_stats FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON link_stats USING (workspace_id = (SELECT current_workspace_id()));
ALTER TABLE enrollment_stats ENABLE ROW LEVEL SECURITY;
ALTER TABLE enrollment_stats FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON enrollment_stats USING (workspace_id = (SELECT current_workspace_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON link_stats, enrollment_stats TO pearset_app;

DROP TRIGGER links_totals ON links;
DROP FUNCTION add_to_enrollment_totals();

-- The indexes of a column are dropped with the column.
ALTER TABLE links DROP COLUMN clicks;
ALTER TABLE links DROP COLUMN leads;
ALTER TABLE links DROP COLUMN conversions;
ALTER TABLE links DROP COLUMN sales;
ALTER TABLE links DROP COLUMN sale_amount;
ALTER TABLE links DROP COLUMN last_clicked;
ALTER TABLE enrollments DROP COLUMN net_revenue;
ALTER TABLE enrollments DROP COLUMN total_clicks;
ALTER TABLE enrollments DROP COLUMN total_leads;
ALTER TABLE enrollments DROP COLUMN total_conversions;
ALTER TABLE enrollments DROP COLUMN total_sales;
ALTER TABLE enrollments DROP COLUMN total_sale_amount;
ALTER TABLE enrollments DROP COLUMN total_commissions;

DROP INDEX enrollments_created_at_idx;
-- `enrollments_status_idx` has the enrollments that wait for a review in the same order.
DROP INDEX enrollments_pending_idx;
