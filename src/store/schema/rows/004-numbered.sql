-- Writes of numbers that mending gave say what they were before, and because of whom (row-blob.ts). What was folded
-- without that is folded anew.
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
