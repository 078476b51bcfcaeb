-- The measurements of one config of a workload: a best record is judged by the middle of them.
CREATE INDEX record_by_config ON record (workload, config);
