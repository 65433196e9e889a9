-- Where the stored chunks lie. The bytes are in append-only files `packs/N.pack`, each record with its own header and
-- hash; these tables only find them again, and can be made anew from the packs.

-- The packs, and up to where the records in them are on disk for good and listed below. What lies behind that was
-- written shortly before a crash: at the next opening whole records are taken in, and a torn one is cut off.
CREATE TABLE pack (
  n   INTEGER PRIMARY KEY,
  end INTEGER NOT NULL
);

-- One row per chunk. A chunk that turned out to be damaged has no row: it is missing, and wanted again.
CREATE TABLE chunk (
  id     BLOB PRIMARY KEY,        -- sha256 of the plain bytes; opaque to a hub
  pack   INTEGER NOT NULL,
  at     INTEGER NOT NULL,        -- where the record's header begins
  length INTEGER NOT NULL         -- of the stored bytes
) WITHOUT ROWID;
