-- The hub's list of parent files. What is in a file lies in the file's own folder; this is what must be known without
-- opening it: who may, what it is called, its newest snapshot, which copies there are.

CREATE TABLE file (
  id        TEXT PRIMARY KEY,       -- 32 hex characters
  name      TEXT NOT NULL UNIQUE,   -- as people call it; unique without regard to case, see folded
  folded    TEXT NOT NULL UNIQUE,
  owner     TEXT NOT NULL,          -- the user who published it
  members   TEXT,                   -- JSON list of users; NULL: the whole office
  snapshot  BLOB,                   -- the newest; NULL while the first is still being published
  documents INTEGER NOT NULL DEFAULT 0,
  databases INTEGER NOT NULL DEFAULT 0,
  bytes     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE copy (
  id        TEXT PRIMARY KEY,       -- 32 hex characters
  file      TEXT NOT NULL REFERENCES file (id),
  user      TEXT NOT NULL,
  device    TEXT NOT NULL,          -- the device's id
  device_name TEXT NOT NULL,
  last_seen INTEGER NOT NULL        -- milliseconds since 1970
) STRICT;
CREATE INDEX copy_of_file ON copy (file);
