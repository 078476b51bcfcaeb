-- The tables of SQLite's version 8 (records/schema), where their columns are explained. Keys
-- compare by their bytes, as in SQLite. An entry of an index may have 2.7 kB, and keys and configs
-- may be longer: indexes hold hashes of them, and queries compare both.
CREATE SCHEMA IF NOT EXISTS tilewright;

CREATE TABLE tilewright.store (
  only_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_row),
  version INTEGER NOT NULL,
  epoch BIGINT NOT NULL           -- writers that there have been
);
INSERT INTO tilewright.store (version, epoch) VALUES (0, 0);

CREATE TABLE tilewright.record (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id TEXT COLLATE "C" NOT NULL UNIQUE,
  workload TEXT COLLATE "C" NOT NULL,
  anchor TEXT COLLATE "C" NOT NULL,
  op TEXT COLLATE "C" NOT NULL,
  inputs TEXT NOT NULL,
  attrs TEXT NOT NULL,
  data_layout TEXT NOT NULL,
  weight_layout TEXT NOT NULL,
  out_layout TEXT NOT NULL,
  epilogue TEXT NOT NULL,
  template TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  target_kind TEXT NOT NULL,
  target_triple TEXT NOT NULL,
  target_cpu TEXT NOT NULL,
  target_attr TEXT NOT NULL,
  target_model TEXT NOT NULL,
  config TEXT COLLATE "C" NOT NULL,
  config_index BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  message TEXT NOT NULL,
  samples TEXT NOT NULL,
  median DOUBLE PRECISION,
  build_seconds DOUBLE PRECISION NOT NULL,
  run_seconds DOUBLE PRECISION NOT NULL,
  unix_time DOUBLE PRECISION NOT NULL,
  device_key TEXT COLLATE "C" NOT NULL,
  device TEXT COLLATE "C" NOT NULL,
  worker TEXT COLLATE "C" NOT NULL,
  job TEXT COLLATE "C" NOT NULL,
  seed BIGINT NOT NULL,
  software TEXT NOT NULL,
  class TEXT COLLATE "C" NOT NULL,
  foreign_args TEXT NOT NULL,
  foreign_line TEXT NOT NULL,
  trial BIGINT NOT NULL,
  threads INTEGER NOT NULL,
  builder TEXT COLLATE "C" NOT NULL
);
CREATE INDEX record_by_workload ON tilewright.record
  (hashtextextended(workload, 0), hashtextextended(target, 0), median, id);
CREATE INDEX record_by_anchor ON tilewright.record
  (hashtextextended(anchor, 0), hashtextextended(target, 0), median, id);
CREATE INDEX record_by_config ON tilewright.record
  (hashtextextended(workload, 0), hashtextextended(config, 0));
CREATE INDEX record_by_op ON tilewright.record (op, id);
CREATE INDEX record_by_device ON tilewright.record (device_key, id);
CREATE INDEX record_by_job ON tilewright.record (job, id) WHERE job <> '';
CREATE INDEX record_decided ON tilewright.record
  (hashtextextended(workload, 0), hashtextextended(target, 0)) WHERE class = 'in_network';

-- The workloads and targets of all records, so that nobody has to walk these to list them.
CREATE TABLE tilewright.place (
  workload TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX place_once ON tilewright.place (md5(workload), md5(target));
CREATE FUNCTION tilewright.keep_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tilewright.place VALUES (NEW.workload, NEW.target) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_place AFTER INSERT ON tilewright.record
  FOR EACH ROW EXECUTE FUNCTION tilewright.keep_place();

CREATE TABLE tilewright.job (
  id TEXT COLLATE "C" PRIMARY KEY,
  owner TEXT COLLATE "C" NOT NULL,
  request TEXT COLLATE "C" NOT NULL,
  weight BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  message TEXT NOT NULL,
  spec BYTEA NOT NULL,
  result BYTEA NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  changed DOUBLE PRECISION NOT NULL,
  trials BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  model_seconds DOUBLE PRECISION NOT NULL,
  history_end BIGINT NOT NULL
);
CREATE INDEX job_by_request ON tilewright.job (owner, request) WHERE request <> '';
CREATE INDEX job_by_state ON tilewright.job (state);

CREATE TABLE tilewright.job_step (
  job TEXT COLLATE "C" NOT NULL,
  step BIGINT NOT NULL,
  seconds DOUBLE PRECISION NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (job, step)
);

CREATE TABLE tilewright.revocation (
  record BIGINT PRIMARY KEY,
  reason TEXT NOT NULL,
  unix_time DOUBLE PRECISION NOT NULL,
  by_whom TEXT NOT NULL
);
