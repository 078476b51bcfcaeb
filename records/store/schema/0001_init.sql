-- One row per measurement, never changed. The workload and the target are kept twice: as the keys
-- that look-ups use, and in parts for people's own queries.
CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE,
  workload TEXT NOT NULL,         -- the whole key
  anchor TEXT NOT NULL,           -- the key without its epilogue
  op TEXT NOT NULL,
  inputs TEXT NOT NULL,           -- JSON: ["float32[1,64,56,56]", ...]
  attrs TEXT NOT NULL,            -- JSON: {"strides": [1,1], ...}
  data_layout TEXT NOT NULL,
  weight_layout TEXT NOT NULL,
  out_layout TEXT NOT NULL,
  epilogue TEXT NOT NULL,         -- "+bias+relu"
  template TEXT NOT NULL,
  target TEXT NOT NULL,           -- canonical text
  target_kind TEXT NOT NULL,
  target_triple TEXT NOT NULL,
  target_cpu TEXT NOT NULL,
  target_attr TEXT NOT NULL,
  target_model TEXT NOT NULL,
  config TEXT NOT NULL,           -- AutoTVM's entity list, the identity
  config_index INTEGER NOT NULL,
  outcome TEXT NOT NULL,          -- "ok" or the failure's kind
  message TEXT NOT NULL,          -- the failure's
  samples TEXT NOT NULL,          -- JSON: every sample in seconds
  median REAL,                    -- of the samples; null for a failure
  build_seconds REAL NOT NULL,
  run_seconds REAL NOT NULL,
  unix_time REAL NOT NULL,
  device_key TEXT NOT NULL,
  device TEXT NOT NULL,
  worker TEXT NOT NULL,
  job TEXT NOT NULL,
  seed INTEGER NOT NULL,          -- 64 bits, unsigned in the program
  software TEXT NOT NULL,
  class TEXT NOT NULL,
  foreign_args TEXT NOT NULL,
  foreign_line TEXT NOT NULL
) STRICT;

CREATE INDEX record_by_workload ON record (workload, target, median);
CREATE INDEX record_by_anchor ON record (anchor, target, median);
CREATE INDEX record_by_op ON record (op);
CREATE INDEX record_by_device ON record (device_key, workload);
CREATE INDEX record_by_job ON record (job) WHERE job <> '';
