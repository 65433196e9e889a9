-- The registry of one copy: what merging the changes about documents and databases has led to so far, and what was
-- last seen on this disk. All but the observations can be folded again from the base and the log.

-- Rows of cells that some change has written; what only the base has is not here.
CREATE TABLE registry_row (
  tbl   TEXT NOT NULL,            -- documents, databases, copies, file
  id    TEXT NOT NULL,
  state BLOB NOT NULL,            -- the encoded row: siblings per cell, deletions
  PRIMARY KEY (tbl, id)
) WITHOUT ROWID;

-- Every document and database that the registry has ever had: its base, and what is shown of it now.
CREATE TABLE entry (
  id              TEXT PRIMARY KEY,
  kind            TEXT NOT NULL CHECK (kind IN ('document', 'database')),
  base_path       TEXT,           -- NULL: not in the base
  base_content    BLOB,
  base_registered INTEGER,
  base_settings   TEXT,           -- databases only
  alive           INTEGER NOT NULL,
  path            TEXT NOT NULL,
  folded          TEXT NOT NULL,  -- the path as it must be unique
  path_copy       TEXT,           -- who gave it the path; NULL: the base
  path_seq        INTEGER,
  path_stamp      INTEGER,
  shown           TEXT,           -- the derived path, where another has the path already
  size            INTEGER NOT NULL,
  hash            TEXT NOT NULL,  -- of the content that is shown
  copy            TEXT,           -- who saved it; NULL: the base
  seq             INTEGER,
  stamp           INTEGER,
  behaviour       TEXT NOT NULL,
  registered      INTEGER NOT NULL,
  conflict        INTEGER NOT NULL
);
CREATE INDEX entry_folded ON entry (folded);
-- A file has few databases among many documents, and they are asked for all the time.
CREATE INDEX entry_database ON entry (folded, id) WHERE kind = 'database';
CREATE INDEX entry_shown ON entry (shown) WHERE shown IS NOT NULL;
CREATE INDEX entry_conflict ON entry (folded, id) WHERE conflict;

-- Every content that a document ever had: the writes to its content.
CREATE TABLE version (
  document TEXT NOT NULL,
  stamp    INTEGER NOT NULL,
  copy     TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  size     INTEGER NOT NULL,
  hash     TEXT NOT NULL,
  content  BLOB NOT NULL,
  PRIMARY KEY (document, copy, seq)
) WITHOUT ROWID;

-- The write that last took something away from a path: it is part of the next document's id there.
CREATE TABLE vacated (
  folded TEXT PRIMARY KEY,
  stamp  INTEGER NOT NULL,
  copy   TEXT NOT NULL,
  seq    INTEGER NOT NULL
) WITHOUT ROWID;

-- What was last seen at a path of this disk, and what it was then. A document's content here is one of its versions,
-- so that whatever is as it was observed may be replaced.
CREATE TABLE observation (
  folder   TEXT NOT NULL,
  name     TEXT NOT NULL,
  subject  TEXT NOT NULL,         -- the document's id; '' for a database (those are known by their path)
  facts    TEXT NOT NULL,         -- size:mtime:ctime
  inode    TEXT NOT NULL,
  device   TEXT NOT NULL,
  hash     TEXT NOT NULL,         -- of the content; '' for databases
  doubtful INTEGER NOT NULL,      -- written so shortly before it was looked at that a later write may look the same
  PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE INDEX observation_subject ON observation (subject) WHERE subject <> '';
CREATE INDEX observation_inode ON observation (inode);
CREATE INDEX observation_doubtful ON observation (doubtful) WHERE doubtful;

-- While a new copy is being filled: documents of the base up to this folded path may have been begun. What is found at
-- their paths after a crash, and was not observed, is ours.
CREATE TABLE straight (
  up_to TEXT NOT NULL
);
