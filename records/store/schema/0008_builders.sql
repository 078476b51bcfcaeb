-- Who built what another worker ran; '' where the worker did both.
ALTER TABLE record ADD COLUMN builder TEXT NOT NULL DEFAULT '';
