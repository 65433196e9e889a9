-- What only a sync copy keeps, beside log, chunks and registry.

-- Chunks that were made here and that the parent is not known to have durably. The parent's word removes them; after a
-- cut they are offered again, so a row too many costs a question and never a byte of content.
CREATE TABLE unsent (
  id   BLOB PRIMARY KEY,   -- 32 bytes
  size INTEGER NOT NULL    -- of the stored bytes
) STRICT, WITHOUT ROWID;
