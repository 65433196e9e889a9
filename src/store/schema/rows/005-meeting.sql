-- Rows that followed to another value are found by it (mending/meeting.ts), and a number that a row of the base has left
-- is given back wherever it was found. What was folded without that is folded anew.
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
