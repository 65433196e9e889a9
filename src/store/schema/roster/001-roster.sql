-- The roster of an office: who is invited, which devices are enrolled, where the hub is found. The hub writes it, and
-- `tieout hub invite` from a process of its own, while the hub runs or not.

-- Invitations, used ones too: a machine that lost the answer asks again. The secret itself is with the invited.
CREATE TABLE invitation (
  id         BLOB PRIMARY KEY,       -- 8 bytes
  secret     BLOB NOT NULL,          -- sha256 of the secret
  user       TEXT NOT NULL,
  made_at    INTEGER NOT NULL,       -- ms since 1970
  expires_at INTEGER NOT NULL,
  device     BLOB REFERENCES device (id),  -- who used it
  leaf       BLOB                    -- the certificate that it was given, DER
) STRICT, WITHOUT ROWID;

-- Machines: the key is the machine, whatever it is called.
CREATE TABLE device (
  id          BLOB PRIMARY KEY,      -- sha256 of the public key (SPKI)
  user        TEXT NOT NULL,
  name        TEXT NOT NULL,
  enrolled_at INTEGER NOT NULL,
  seen_at     INTEGER,               -- the last session's begin or end
  revoked_at  INTEGER                -- no sessions any more
) STRICT, WITHOUT ROWID;

-- Single facts: the office's fingerprint, the hub's addresses (JSON).
CREATE TABLE fact (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
