-- The ledger: which sync copies this machine has made, and how far each has numbered its changes. It lies in
-- TIEOUT_HOME, apart from the sync folders, so that a sync folder that was copied, or restored from a backup, is
-- recognised. An entry is never removed: its numbers stay used.
CREATE TABLE copy (
  id      BLOB PRIMARY KEY,      -- 16 bytes
  file    BLOB NOT NULL,         -- 16 bytes
  office  TEXT NOT NULL,         -- the office of its parent, fingerprint
  path    TEXT UNIQUE,           -- the file's folder, native; NULL when another copy took that place, or it was left
  device  TEXT NOT NULL,         -- of the sync folder inside it, as its disk numbers them
  inode   TEXT NOT NULL,
  seq     INTEGER NOT NULL,      -- the last number known to be used, and the hash of that change
  hash    TEXT NOT NULL,
  ceiling INTEGER NOT NULL       -- numbers up to this may be used; equal to seq when the copy was closed in order
) STRICT, WITHOUT ROWID;
