-- How far the links of a group's partners have followed its default links: up to this enrollment. Null: from the first
-- one on.
ALTER TABLE groups ADD COLUMN follow_after uuid;
