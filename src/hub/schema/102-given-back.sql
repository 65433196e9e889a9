-- A hub that was brought back from a backup lacks content of which each copy has another part.

ALTER TABLE file ADD COLUMN given TEXT; -- sha256 that names the last giving back; NULL: it was never given back
