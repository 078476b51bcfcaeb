-- Jobs, and what happened in each in order, so that a server that was killed goes on with them.
ALTER TABLE record ADD COLUMN trial INTEGER NOT NULL DEFAULT 0;  -- number in its job, from 1

CREATE TABLE job (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  request TEXT NOT NULL,          -- the client's id of its request; '' = none
  weight INTEGER NOT NULL,        -- among its owner's jobs
  state TEXT NOT NULL,            -- queued, running, paused, done, cancelled, failed
  message TEXT NOT NULL,          -- why it failed
  spec BLOB NOT NULL,             -- JobSpec of proto/tilewright.proto
  result BLOB NOT NULL,           -- its last JobEvent once it ended
  created REAL NOT NULL,          -- unix seconds
  changed REAL NOT NULL,          -- unix seconds
  trials INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  model_seconds REAL NOT NULL,    -- 0 = not known
  history_end INTEGER NOT NULL    -- records up to this id are what it learned from at its start
) STRICT;
CREATE INDEX job_by_request ON job (owner, request) WHERE request <> '';
CREATE INDEX job_by_state ON job (state);

-- Starts and results of trials in the order in which the search saw them, and changes of state:
-- JSON, see tuner/server/jobs/journal.h. The results themselves are rows of `record`.
CREATE TABLE job_step (
  job TEXT NOT NULL,
  step INTEGER NOT NULL,
  seconds REAL NOT NULL,          -- since the job's start, while it ran
  text TEXT NOT NULL,
  PRIMARY KEY (job, step)
) STRICT, WITHOUT ROWID;
