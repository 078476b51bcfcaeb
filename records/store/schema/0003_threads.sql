-- Kernels are timed with the threads they will run with; older records with one.
ALTER TABLE record ADD COLUMN threads INTEGER NOT NULL DEFAULT 1;
