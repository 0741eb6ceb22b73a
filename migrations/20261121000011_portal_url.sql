-- Where the partners of a program find their portal; null: at the program's own site.

ALTER TABLE programs ADD COLUMN portal_url text;
