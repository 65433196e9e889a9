-- What keeps a row is found by what was written, not by how the reference is shown (mending/keeping.ts). And a row
-- that is deleted has the number that was written to it, for those who refer to it (folding/renumbering.ts), whatever came
-- first. What was folded without that is folded anew.
DELETE FROM unique_value;
DELETE FROM withheld;
DELETE FROM unplaced;
DELETE FROM watch;
DELETE FROM past;
DELETE FROM reference;
DELETE FROM moved;
DELETE FROM claim;
DELETE FROM listed;
DELETE FROM row;
DELETE FROM source_column;
DELETE FROM source_table;
DELETE FROM source;
