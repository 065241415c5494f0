ALTER TABLE setting ADD COLUMN since timestamptz NOT NULL DEFAULT now();

CREATE INDEX setting_since ON setting (since);
