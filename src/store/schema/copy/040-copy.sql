-- What only a sync copy keeps, beside log, chunks and registry.

-- Chunks that were made here and that the parent is not known to have durably. The parent's word removes them; after a
-- cut they are offered again, so a row too many costs a question and never a byte of content.
CREATE TABLE unsent (
  id   BLOB PRIMARY KEY,   -- 32 bytes
  size INTEGER NOT NULL    -- of the stored bytes
) STRICT, WITHOUT ROWID;

-- Databases that lie in their place on this disk because we put or found them there; one that is listed and not on disk
-- was taken away by somebody, one that is not listed has yet to be placed.
CREATE TABLE placed_database (
  id   TEXT PRIMARY KEY,
  path TEXT NOT NULL,      -- within the file
  hash TEXT NOT NULL       -- of the base content that it started from
) STRICT, WITHOUT ROWID;
