-- While a new copy is being filled: what lay at the paths of documents before. It is nobody's but the user's, also when
-- the filling is cut short and goes on.

CREATE TABLE stranger (
  folded TEXT PRIMARY KEY           -- folded path
) STRICT, WITHOUT ROWID;
