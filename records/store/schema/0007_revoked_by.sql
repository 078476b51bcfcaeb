-- Who withdrew a record.
ALTER TABLE revocation ADD COLUMN by_whom TEXT NOT NULL DEFAULT '';
