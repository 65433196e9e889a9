-- The engagement file of the auditors: what the client's ledger says, what we propose to change in it,
-- and how the work on it stands. Money is whole cents; debits are positive, credits negative.

-- What the engagement is about: client, period, materiality …
CREATE TABLE engagement (
  key   TEXT PRIMARY KEY,
  value NOT NULL
);

CREATE TABLE person (
  initials TEXT PRIMARY KEY,
  name     TEXT NOT NULL,
  role     TEXT NOT NULL CHECK (role IN ('partner', 'manager', 'senior', 'assistant'))
);

-- A lead groups the accounts that are audited together.
CREATE TABLE lead (
  code      TEXT PRIMARY KEY,
  name      TEXT NOT NULL,
  statement TEXT NOT NULL CHECK (statement IN ('balance sheet', 'income statement')),
  risk      TEXT NOT NULL DEFAULT 'normal' CHECK (risk IN ('low', 'normal', 'significant'))
);

-- The trial balance. The number is the client's name for the account; SQLite does not hand it out.
CREATE TABLE account (
  no      INTEGER PRIMARY KEY CHECK (no BETWEEN 1000 AND 9999),
  name    TEXT NOT NULL,
  lead    TEXT NOT NULL REFERENCES lead (code),
  opening INTEGER NOT NULL CHECK (typeof(opening) = 'integer'),
  closing INTEGER NOT NULL CHECK (typeof(closing) = 'integer'),
  comment TEXT
);

-- Adjusting entries are numbered by SQLite in the order in which they are made.
CREATE TABLE adjustment (
  no          INTEGER PRIMARY KEY AUTOINCREMENT,
  text        TEXT NOT NULL,
  reason      TEXT NOT NULL,
  status      TEXT NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed', 'agreed', 'booked', 'waived')),
  prepared_by TEXT NOT NULL REFERENCES person (initials),
  prepared_on TEXT NOT NULL CHECK (prepared_on IS date(prepared_on))
);

CREATE TABLE adjustment_line (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  adjustment INTEGER NOT NULL REFERENCES adjustment (no) ON DELETE CASCADE,
  account    INTEGER NOT NULL REFERENCES account (no),
  debit      INTEGER NOT NULL DEFAULT 0 CHECK (typeof(debit) = 'integer' AND debit >= 0),
  credit     INTEGER NOT NULL DEFAULT 0 CHECK (typeof(credit) = 'integer' AND credit >= 0),
  CHECK ((debit = 0) <> (credit = 0))
);
CREATE INDEX adjustment_line_by_adjustment ON adjustment_line (adjustment);
CREATE INDEX adjustment_line_by_account ON adjustment_line (account);

-- The index of the working papers. Paths are relative to this folder.
CREATE TABLE document (
  ref   TEXT PRIMARY KEY,
  lead  TEXT REFERENCES lead (code),
  title TEXT NOT NULL,
  path  TEXT NOT NULL UNIQUE
);

CREATE TABLE sign_off (
  ref    TEXT NOT NULL REFERENCES document (ref),
  role   TEXT NOT NULL CHECK (role IN ('prepared', 'reviewed')),
  person TEXT NOT NULL REFERENCES person (initials),
  date   TEXT NOT NULL CHECK (date IS date(date)),
  PRIMARY KEY (ref, role)
) WITHOUT ROWID;

-- Open points. A note is cleared only once it is answered.
CREATE TABLE review_note (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  ref         TEXT REFERENCES document (ref),
  account     INTEGER REFERENCES account (no),
  text        TEXT NOT NULL,
  raised_by   TEXT NOT NULL REFERENCES person (initials),
  raised_on   TEXT NOT NULL CHECK (raised_on IS date(raised_on)),
  answer      TEXT,
  answered_by TEXT REFERENCES person (initials),
  cleared_on  TEXT CHECK (cleared_on IS NULL OR answer IS NOT NULL)
);

-- Only entries that the client agreed to change the trial balance.
CREATE VIEW adjusted_trial_balance AS
  SELECT account.no, account.name, account.lead, account.opening, account.closing,
         coalesce(sum(line.debit - line.credit), 0) AS adjustments,
         account.closing + coalesce(sum(line.debit - line.credit), 0) AS adjusted
  FROM account
  LEFT JOIN (adjustment_line AS line
             JOIN adjustment ON adjustment.no = line.adjustment AND adjustment.status IN ('agreed', 'booked'))
    ON line.account = account.no
  GROUP BY account.no;

CREATE VIEW lead_schedule AS
  SELECT lead.code, lead.name, lead.statement, sum(opening) AS opening, sum(closing) AS closing,
         sum(adjustments) AS adjustments, sum(adjusted) AS adjusted
  FROM lead JOIN adjusted_trial_balance ON adjusted_trial_balance.lead = lead.code
  GROUP BY lead.code;

-- Every difference here must be zero: this is what the product is named after.
CREATE VIEW tie_out AS
  SELECT 'opening balances' AS what, sum(opening) AS difference FROM account
  UNION ALL SELECT 'closing balances', sum(closing) FROM account
  UNION ALL SELECT 'adjusted balances', sum(adjusted) FROM adjusted_trial_balance
  UNION ALL SELECT 'entry ' || no, coalesce(sum(debit - credit), 0)
            FROM adjustment LEFT JOIN adjustment_line ON adjustment = no GROUP BY no
  -- the result of last year, less what was paid out, stands in this year's equity
  UNION ALL SELECT 'equity brought forward',
       (SELECT sum(closing) FROM account WHERE no IN (2950, 2970))
     - (SELECT sum(opening) FROM account WHERE no IN (2950, 2970) OR no >= 3000)
     - (SELECT value FROM engagement WHERE key = 'dividend paid, cents');
