-- Records that were found to be wrong. Their rows stay, because packages and jobs name them;
-- nothing but a resumed job sees them any more.
CREATE TABLE revocation (
  record INTEGER PRIMARY KEY,     -- id of the record
  reason TEXT NOT NULL,           -- for people
  unix_time REAL NOT NULL         -- when it was withdrawn
) STRICT;
