-- Mends are part of a row's state (row-blob.ts). What was folded without them is folded anew.
DELETE FROM unique_value;
DELETE FROM withheld;
DELETE FROM reference;
DELETE FROM moved;
DELETE FROM claim;
DELETE FROM listed;
DELETE FROM row;
DELETE FROM source_column;
DELETE FROM source_table;
DELETE FROM source;

-- Living rows that a constraint keeps out of their table: those whose state says so, so that they are found.
DROP TABLE withheld;
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

-- How the row `id` is mended was decided by looking at who has the value `name` (as in unique_value).
CREATE TABLE watch (
  tbl   INTEGER NOT NULL,
  place INTEGER NOT NULL,
  name  TEXT NOT NULL,
  id    BLOB NOT NULL,
  PRIMARY KEY (tbl, place, name, id)
) WITHOUT ROWID;
CREATE INDEX watch_row ON watch (tbl, id);

-- Changes that wrote to a row and whose writes are all superseded: with those in its state these are all that ever did.
CREATE TABLE past (
  tbl   INTEGER NOT NULL,
  id    BLOB NOT NULL,
  maker INTEGER NOT NULL,
  seq   INTEGER NOT NULL,
  PRIMARY KEY (tbl, id, maker, seq)
) WITHOUT ROWID;
