-- Compaction: what everybody has leaves the table `change` and is kept as packed history, or, on a hub, as nothing but
-- the last change of each log. A row of `change` at or below its log's head is on its way out and means nothing.

-- Of each log that was cut: the last change below the floor, to which later ones refer by number and hash.
CREATE TABLE head (
  copy  INTEGER PRIMARY KEY REFERENCES copy (idx),
  seq   INTEGER NOT NULL,
  hash  BLOB NOT NULL,
  stamp INTEGER NOT NULL,
  deps  BLOB NOT NULL             -- as in `change`
);

-- The packed history, in order; a sync copy's only. The bytes are chunks.
CREATE TABLE segment (
  n       INTEGER PRIMARY KEY,    -- 1, 2, 3, …
  upto    BLOB NOT NULL,          -- the vector that it and those before it hold
  parts   BLOB NOT NULL,          -- its pieces: id and size
  changes INTEGER NOT NULL,
  bytes   INTEGER NOT NULL        -- of the bodies
);

-- Whose changes on what a segment holds, so that the others need not be opened.
CREATE TABLE segment_log (
  segment INTEGER NOT NULL REFERENCES segment (n),
  copy    INTEGER NOT NULL REFERENCES copy (idx),
  subject TEXT,
  last    INTEGER NOT NULL        -- the highest number of that copy, on that subject, in it
);
CREATE INDEX segment_log_copy ON segment_log (copy, last);
CREATE INDEX segment_log_subject ON segment_log (subject, segment);
