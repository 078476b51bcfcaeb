-- What is large of a job lies apart, so that a list of jobs reads none of it.
CREATE TABLE job_content (
  job TEXT PRIMARY KEY,
  spec BLOB NOT NULL,             -- JobSpec of proto/tilewright.proto
  result BLOB NOT NULL            -- its last JobEvent once it ended
) STRICT;
INSERT INTO job_content SELECT id, spec, result FROM job;
ALTER TABLE job DROP COLUMN spec;
ALTER TABLE job DROP COLUMN result;
-- What a list shows of the spec; a server fills in those of older jobs.
ALTER TABLE job ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN device_key TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN tasks INTEGER NOT NULL DEFAULT 0;   -- 0 = not filled in
ALTER TABLE job ADD COLUMN budget INTEGER NOT NULL DEFAULT 0;  -- trials; 0 = none
