-- What is known about a partner beyond the first request, and what its links have brought.
--
-- The totals stand on the enrollment, because a list is sorted by them and each sort needs an index. They are
-- kept by a trigger, so that whoever counts on a link cannot forget them. A link that is deleted takes nothing
-- away: what it brought has happened.

ALTER TABLE partners
    ADD COLUMN company_name text,
    ADD COLUMN website      text,
    ADD COLUMN youtube      text,
    ADD COLUMN twitter      text,
    ADD COLUMN linkedin     text,
    ADD COLUMN instagram    text,
    ADD COLUMN tiktok       text,
    ADD COLUMN paypal_email text;

ALTER TABLE enrollments
    -- A flat object of the customer's own.
    ADD COLUMN metadata          jsonb  NOT NULL DEFAULT '{}',
    -- Set where the partner applied, on a token route of a private program.
    ADD COLUMN application_id    uuid,
    ADD COLUMN total_clicks      bigint NOT NULL DEFAULT 0,
    ADD COLUMN total_leads       bigint NOT NULL DEFAULT 0,
    ADD COLUMN total_conversions bigint NOT NULL DEFAULT 0,
    ADD COLUMN total_sales       bigint NOT NULL DEFAULT 0,
    -- Cents, as is the net revenue.
    ADD COLUMN total_sale_amount bigint NOT NULL DEFAULT 0,
    ADD COLUMN net_revenue       bigint NOT NULL GENERATED ALWAYS AS (total_sale_amount - total_commissions) STORED,
    ADD CONSTRAINT enrollments_metadata_check CHECK (jsonb_typeof(metadata) = 'object');

UPDATE enrollments e
SET total_clicks = l.clicks, total_leads = l.leads, total_conversions = l.conversions, total_sales = l.sales,
    total_sale_amount = l.sale_amount
FROM (SELECT workspace_id, program_id, partner_id, sum(clicks) AS clicks, sum(leads) AS leads,
             sum(conversions) AS conversions, sum(sales) AS sales, sum(sale_amount) AS sale_amount
      FROM links GROUP BY workspace_id, program_id, partner_id) l
WHERE e.workspace_id = l.workspace_id AND e.program_id = l.program_id AND e.partner_id = l.partner_id
  AND (l.clicks, l.leads, l.conversions, l.sales, l.sale_amount) <> (0, 0, 0, 0, 0);

CREATE FUNCTION add_to_enrollment_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE enrollments e
    SET total_clicks      = e.total_clicks      + NEW.clicks      - OLD.clicks,
        total_leads       = e.total_leads       + NEW.leads       - OLD.leads,
        total_conversions = e.total_conversions + NEW.conversions - OLD.conversions,
        total_sales       = e.total_sales       + NEW.sales       - OLD.sales,
        total_sale_amount = e.total_sale_amount + NEW.sale_amount - OLD.sale_amount
    WHERE e.workspace_id = NEW.workspace_id AND e.program_id = NEW.program_id AND e.partner_id = NEW.partner_id;
    RETURN NULL;
END $$;

-- A new link has counted nothing yet.
CREATE TRIGGER links_totals AFTER UPDATE OF clicks, leads, conversions, sales, sale_amount ON links
    FOR EACH ROW WHEN ((OLD.clicks, OLD.leads, OLD.conversions, OLD.sales, OLD.sale_amount)
                       IS DISTINCT FROM (NEW.clicks, NEW.leads, NEW.conversions, NEW.sales, NEW.sale_amount))
    EXECUTE FUNCTION add_to_enrollment_totals();

-- One for each order of the list; the id decides between equals.
CREATE INDEX enrollments_created_at_idx        ON enrollments (workspace_id, program_id, created_at, id);
CREATE INDEX enrollments_total_clicks_idx      ON enrollments (workspace_id, program_id, total_clicks, id);
CREATE INDEX enrollments_total_leads_idx       ON enrollments (workspace_id, program_id, total_leads, id);
CREATE INDEX enrollments_total_conversions_idx ON enrollments (workspace_id, program_id, total_conversions, id);
CREATE INDEX enrollments_total_sales_idx       ON enrollments (workspace_id, program_id, total_sales, id);
CREATE INDEX enrollments_total_sale_amount_idx ON enrollments (workspace_id, program_id, total_sale_amount, id);
CREATE INDEX enrollments_total_commissions_idx ON enrollments (workspace_id, program_id, total_commissions, id);
CREATE INDEX enrollments_net_revenue_idx       ON enrollments (workspace_id, program_id, net_revenue, id);
-- Who is in a group: to be listed, and to be moved when the group goes.
CREATE INDEX enrollments_group_idx             ON enrollments (workspace_id, program_id, group_id, id);
-- Who waits for a review.
CREATE INDEX enrollments_pending_idx           ON enrollments (workspace_id, program_id, created_at, id)
    WHERE status = 'pending';
