-- As SQLite's migration of this number.
CREATE TABLE tilewright.job_content (
  job TEXT COLLATE "C" PRIMARY KEY,
  spec BYTEA NOT NULL,
  result BYTEA NOT NULL
);
INSERT INTO tilewright.job_content SELECT id, spec, result FROM tilewright.job;
ALTER TABLE tilewright.job
  DROP COLUMN spec,
  DROP COLUMN result,
  ADD COLUMN name TEXT NOT NULL DEFAULT '',
  ADD COLUMN device_key TEXT COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN tasks BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN budget BIGINT NOT NULL DEFAULT 0;
