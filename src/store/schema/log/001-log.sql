-- The log: every change of every copy that this replica holds, in the order of arrival, which is a causal order.
-- A change is never altered, and leaves only when everybody has it (050-segments). What is signed can be put
-- together again from a row and the hashes of its dependencies, so it is not kept a second time.

-- The copies whose logs are held, by a short number that only this replica uses.
CREATE TABLE copy (
  idx   INTEGER PRIMARY KEY,
  id    BLOB NOT NULL UNIQUE,     -- 16 bytes
  chain BLOB NOT NULL             -- the device's certificates, from the log's first change
);

CREATE TABLE change (
  n         INTEGER PRIMARY KEY,  -- order of arrival
  copy      INTEGER NOT NULL REFERENCES copy (idx),
  seq       INTEGER NOT NULL,
  stamp     INTEGER NOT NULL,
  deps      BLOB NOT NULL,        -- the maker's stored vector without its own entry: pairs of copy.idx and seq
  hash      BLOB NOT NULL,        -- of the signed bytes
  signature BLOB NOT NULL,
  size      INTEGER NOT NULL,     -- of the body
  body      BLOB,                 -- the body, where it is inline; its hash is in the signed bytes
  body_hash BLOB,                 -- where it is not
  parts     BLOB,                 -- the chunks that hold the body, where it is not inline
  subject   TEXT,                 -- a database's id, '' for the registry; NULL on a hub, which does not look inside
  sum       BLOB NOT NULL,        -- of this row, 8 bytes: a damaged record is found by whoever reads it
  UNIQUE (copy, seq)
);
-- What a database lacks is found without passing over the changes of all others. A hub, where all is NULL, pays nothing.
CREATE INDEX change_subject ON change (copy, subject, seq) WHERE subject IS NOT NULL;

-- Single facts about this replica: the file, the copy's own id, the last stamp.
CREATE TABLE fact (
  name  TEXT PRIMARY KEY,
  value ANY
) STRICT, WITHOUT ROWID;
