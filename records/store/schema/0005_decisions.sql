-- What whole networks decided is asked first by every look-up, and is a few rows of many.
CREATE INDEX record_decided ON record (workload, target) WHERE class = 'in_network';
