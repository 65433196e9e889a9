-- The merged state of the databases of one sync copy. All of it can be folded again from the bases and the log: when
-- this file is damaged or gone, nothing is lost. What was never edited is not in here.
--
-- This file's number is the version of its form and of the rules by which changes are folded into it: whoever alters
-- either gives it the next number, and every rows.db is then made and folded anew. There are no migrations.

-- The copies that made writes, by a short number that only this file uses.
CREATE TABLE maker (
  num INTEGER PRIMARY KEY,
  id  BLOB NOT NULL UNIQUE      -- 16 bytes
);

-- One row per user database. `vector`: what is folded.
CREATE TABLE source (
  num    INTEGER PRIMARY KEY,
  id     TEXT NOT NULL UNIQUE,
  vector BLOB NOT NULL
);

-- The tables and columns that ops speak of. `top`: the highest number that was ever claimed by an op.
-- `moved_base`: whether a row of the base has another number than it had there. `remembered`: whether `past` is kept of
-- the table: from the first time that it is asked for, with what was until then.
CREATE TABLE source_table (
  num        INTEGER PRIMARY KEY,
  source     INTEGER NOT NULL REFERENCES source (num),
  id         TEXT NOT NULL,
  top        INTEGER,
  moved_base INTEGER NOT NULL DEFAULT 0,
  remembered INTEGER NOT NULL DEFAULT 0,
  UNIQUE (source, id)
);
CREATE TABLE source_column (
  tbl INTEGER NOT NULL,
  num INTEGER NOT NULL,
  id  TEXT NOT NULL,
  PRIMARY KEY (tbl, num)
) WITHOUT ROWID;

-- The rows that were written to since the base. `id`: 'k' or 'h' and the bytes; `state`: see row-blob.ts.
CREATE TABLE row (
  tbl   INTEGER NOT NULL,
  id    BLOB NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY (tbl, id)
) WITHOUT ROWID;

-- Those of them that are in conflict, so that listing costs nothing.
CREATE TABLE listed (
  tbl INTEGER NOT NULL,
  id  BLOB NOT NULL,
  PRIMARY KEY (tbl, id)
) WITHOUT ROWID;

-- The numbers that living rows claim by a write. Rows of the base claim theirs without being here.
CREATE TABLE claim (
  tbl    INTEGER NOT NULL,
  number INTEGER NOT NULL,
  id     BLOB NOT NULL,
  PRIMARY KEY (tbl, number, id)
) WITHOUT ROWID;

-- Rows shown with another number than they claim, because an earlier row has it.
CREATE TABLE moved (
  tbl     INTEGER NOT NULL,
  id      BLOB NOT NULL,
  claimed INTEGER NOT NULL,
  number  INTEGER NOT NULL,
  PRIMARY KEY (tbl, id)
) WITHOUT ROWID;
CREATE INDEX moved_number ON moved (tbl, number);
CREATE INDEX moved_claimed ON moved (tbl, claimed);

-- Who refers to a row by its id. May name rows that no longer do: whoever asks looks again.
CREATE TABLE reference (
  tbl      INTEGER NOT NULL,
  id       BLOB NOT NULL,
  from_tbl INTEGER NOT NULL,
  from_id  BLOB NOT NULL,
  PRIMARY KEY (tbl, id, from_tbl, from_id)
) WITHOUT ROWID;

-- Living rows that a constraint keeps out of their table: those whose state says so, so that they are found.
CREATE TABLE withheld (
  tbl INTEGER NOT NULL,
  id  BLOB NOT NULL,
  PRIMARY KEY (tbl, id)
) WITHOUT ROWID;

-- Rows that this user's database did not take, we do not know why. Of this copy only.
CREATE TABLE unplaced (
  tbl    INTEGER NOT NULL,
  id     BLOB NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (tbl, id)
) WITHOUT ROWID;

-- Rows that were written with a value that a UNIQUE index is over: `place` is the index's among the table's, `name` the
-- value's. May name rows that have another value by now.
CREATE TABLE unique_value (
  tbl   INTEGER NOT NULL,
  place INTEGER NOT NULL,
  name  TEXT NOT NULL,
  id    BLOB NOT NULL,
  PRIMARY KEY (tbl, place, name, id)
) WITHOUT ROWID;

-- How the row `id` is mended was decided by looking at who has the value `name` (as in unique_value).
CREATE TABLE watch (
  tbl   INTEGER NOT NULL,
  place INTEGER NOT NULL,
  name  TEXT NOT NULL,
  id    BLOB NOT NULL,
  PRIMARY KEY (tbl, place, name, id)
) WITHOUT ROWID;
CREATE INDEX watch_row ON watch (tbl, id);

-- Changes that wrote to a row, or deleted it, and that are superseded: with those in its state these are all that did.
CREATE TABLE past (
  tbl   INTEGER NOT NULL,
  id    BLOB NOT NULL,
  maker INTEGER NOT NULL,
  seq   INTEGER NOT NULL,
  PRIMARY KEY (tbl, id, maker, seq)
) WITHOUT ROWID;
