-- Whether `past` is kept of a table: from the first time that it is asked for, with what was until then.
ALTER TABLE source_table ADD COLUMN remembered INTEGER NOT NULL DEFAULT 0;
DELETE FROM past;
