-- A name is given once among the files that one person may see, not in the whole office: whoever publishes must not
-- learn the names of files that are closed to them. And a file that was given back to a restored hub may find its id, and
-- so its folder, taken by somebody who only knew the id.

CREATE TABLE file_next (
  id        TEXT PRIMARY KEY,       -- 32 hex characters
  name      TEXT NOT NULL,          -- as people call it
  folded    TEXT NOT NULL,          -- without regard to case
  owner     TEXT NOT NULL,          -- the user who published it
  members   TEXT,                   -- JSON list of users; NULL: the whole office
  snapshot  BLOB,                   -- the newest; NULL while the first is still being published
  documents INTEGER NOT NULL DEFAULT 0,
  databases INTEGER NOT NULL DEFAULT 0,
  bytes     INTEGER NOT NULL DEFAULT 0,
  proved    INTEGER NOT NULL DEFAULT 0, -- 1: its id is that of the device and copy that published it
  folder    TEXT                    -- where its log and chunks lie; NULL: in the folder of its id
) STRICT;
INSERT INTO file_next (id, name, folded, owner, members, snapshot, documents, databases, bytes)
SELECT id, name, folded, owner, members, snapshot, documents, databases, bytes FROM file;

CREATE TABLE copy_next (
  id        TEXT PRIMARY KEY,       -- 32 hex characters
  file      TEXT NOT NULL REFERENCES file_next (id),
  user      TEXT NOT NULL,
  device    TEXT NOT NULL,          -- the device's id
  device_name TEXT NOT NULL,
  last_seen INTEGER NOT NULL        -- milliseconds since 1970
) STRICT;
INSERT INTO copy_next SELECT id, file, user, device, device_name, last_seen FROM copy;

DROP TABLE copy;
DROP TABLE file;
ALTER TABLE file_next RENAME TO file;
ALTER TABLE copy_next RENAME TO copy;
CREATE INDEX file_by_name ON file (folded);
CREATE INDEX copy_of_file ON copy (file);
