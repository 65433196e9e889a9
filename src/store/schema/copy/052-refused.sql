-- Whether what was last seen in the place of a database cannot be that database: who takes it away does not delete it.
ALTER TABLE placed_database ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
