INSERT INTO engagement (key, value) VALUES
  ('client', 'Hällwyler Möbel AG, Winterthur'),
  ('period', '2025-01-01 to 2025-12-31'),
  ('framework', 'Swiss Code of Obligations, ordinary audit'),
  ('currency', 'CHF'),
  ('materiality, cents', 34000000),
  ('performance materiality, cents', 25500000),
  ('clearly trivial, cents', 1700000),
  ('dividend paid, cents', 30000000),
  ('report due', '2026-04-17');

INSERT INTO person (initials, name, role) VALUES
  ('RT', 'Dr. Regula Thöny', 'partner'),
  ('AK', 'Ana Keller', 'manager'),
  ('BO', 'Ben Ochsner', 'senior'),
  ('CM', 'Chloé Morand', 'assistant');

INSERT INTO lead (code, name, statement, risk) VALUES
  ('A', 'Cash and banks', 'balance sheet', 'normal'),
  ('B', 'Receivables', 'balance sheet', 'significant'),
  ('C', 'Inventories and work in progress', 'balance sheet', 'significant'),
  ('D', 'Prepaid expenses and accrued income', 'balance sheet', 'low'),
  ('E', 'Financial assets', 'balance sheet', 'normal'),
  ('F', 'Tangible fixed assets', 'balance sheet', 'normal'),
  ('G', 'Intangible assets', 'balance sheet', 'normal'),
  ('K', 'Payables', 'balance sheet', 'normal'),
  ('L', 'Short-term borrowings', 'balance sheet', 'low'),
  ('M', 'Other liabilities and accruals', 'balance sheet', 'normal'),
  ('N', 'Long-term borrowings', 'balance sheet', 'low'),
  ('P', 'Provisions', 'balance sheet', 'significant'),
  ('Q', 'Equity', 'balance sheet', 'low'),
  ('R', 'Revenue', 'income statement', 'significant'),
  ('S', 'Cost of materials', 'income statement', 'normal'),
  ('T', 'Personnel expense', 'income statement', 'normal'),
  ('U', 'Other operating expense', 'income statement', 'normal'),
  ('V', 'Depreciation and impairment', 'income statement', 'normal'),
  ('W', 'Financial result', 'income statement', 'low'),
  ('X', 'Non-operating and extraordinary result', 'income statement', 'low'),
  ('Y', 'Taxes', 'income statement', 'normal');

-- Numbers are handed out by SQLite: 1, 2, 3 …
INSERT INTO adjustment (text, reason, status, prepared_by, prepared_on) VALUES
  ('Revaluation of the EUR current account', 'Kept at the rate of November; confirmed at the rate of 31 December (A-20)', 'agreed', 'CM', '2026-02-04'),
  ('Cut-off: sofas delivered on 6 January 2026', 'Invoices 25-11874 to 25-11879 were issued before delivery (B-30)', 'agreed', 'BO', '2026-02-09'),
  ('Allowance for Intérieur Morges SA', 'Bankruptcy opened on 19 January 2026; nothing covered by the insurance', 'agreed', 'BO', '2026-02-10'),
  ('Holidays not taken, production', 'Accrual left out the night shift (T-20)', 'proposed', 'CM', '2026-02-11'),
  ('Edge banding machine taken to expense', 'Invoice Holzer 4711 meets the criteria of a fixed asset (F-10)', 'booked', 'BO', '2026-02-12'),
  ('Slow-moving leather', 'No use since 2023; count sheet 17 (C-20)', 'proposed', 'BO', '2026-02-16'),
  ('Freight of returned goods', 'Reclassification within the result', 'waived', 'CM', '2026-02-17'),
  ('Current tax on the entries above', '19.6 % of the effect on the result', 'proposed', 'AK', '2026-02-18');

INSERT INTO adjustment_line (adjustment, account, debit, credit) VALUES
  (1, 6949, 841260, 0), (1, 1021, 0, 841260),
  (2, 3001, 6430000, 0), (2, 1105, 0, 6430000), (2, 1261, 3820000, 0), (2, 3900, 0, 3820000),
  (3, 3805, 4175050, 0), (3, 1109, 0, 4175050),
  (4, 5000, 2740000, 0), (4, 2300, 0, 2740000),
  (5, 1500, 4680000, 0), (5, 6100, 0, 4680000), (5, 6800, 234000, 0), (5, 1509, 0, 234000),
  (6, 4010, 5895000, 0), (6, 1209, 0, 5895000),
  (7, 6700, 1120000, 0), (7, 4070, 0, 1120000),
  (8, 2330, 2315801, 0), (8, 8900, 0, 2315801);

INSERT INTO document (ref, lead, title, path) VALUES
  ('01-10', NULL, 'Engagement letter', '01 Planning/Engagement letter 2025.docx'),
  ('01-20', NULL, 'Planning memorandum', '01 Planning/Planning memorandum.docx'),
  ('02-10', NULL, 'Lead schedules', '02 Lead schedules/Lead schedules 2025.xlsx'),
  ('A-20', 'A', 'Bank confirmation control', 'A Cash and banks/Bank confirmation control.xlsx'),
  ('A-21', 'A', 'Confirmation of Seebank', 'A Cash and banks/Confirmation Seebank 2025-12-31.pdf'),
  ('B-20', 'B', 'Aged receivables', 'B Receivables/Aged receivables 2025-12-31.csv'),
  ('C-20', 'C', 'Count of leather and fabrics', 'C Inventories/Stock count Lager Süd.txt'),
  ('F-10', 'F', 'Fixed assets roll-forward', 'F Fixed assets/Fixed assets roll-forward.xlsx'),
  ('T-20', 'T', 'Wages by month', 'T Löhne und Sozialversicherungen/Lohnjournal 2025.csv'),
  ('90-10', NULL, 'Management letter, draft', '90 Completion/Management letter (draft).docx'),
  ('90-20', NULL, 'Points for the closing meeting', '90 Completion/Closing meeting.txt');

INSERT INTO sign_off (ref, role, person, date) VALUES
  ('01-10', 'prepared', 'AK', '2025-10-06'), ('01-10', 'reviewed', 'RT', '2025-10-08'),
  ('01-20', 'prepared', 'AK', '2025-11-14'), ('01-20', 'reviewed', 'RT', '2025-11-18'),
  ('02-10', 'prepared', 'CM', '2026-02-02'),
  ('A-20', 'prepared', 'CM', '2026-02-04'), ('A-20', 'reviewed', 'AK', '2026-02-06'),
  ('B-20', 'prepared', 'BO', '2026-02-10'),
  ('C-20', 'prepared', 'BO', '2026-01-07'), ('C-20', 'reviewed', 'AK', '2026-01-12'),
  ('F-10', 'prepared', 'BO', '2026-02-12');

INSERT INTO review_note (ref, account, text, raised_by, raised_on, answer, answered_by, cleared_on) VALUES
  ('A-20', 1024, 'Confirmation of Alpina Bank is a copy. Ask the bank for the original.', 'AK', '2026-02-06', 'Original came by post on 11 February.', 'CM', '2026-02-12'),
  ('A-20', 1028, 'Why is nothing in transit at the year end?', 'AK', '2026-02-06', 'No payment run after 22 December; seen in the statement.', 'CM', '2026-02-12'),
  ('B-20', 1105, 'Circularise Möbelland Gruppe again, no answer so far.', 'AK', '2026-02-11', NULL, NULL, NULL),
  ('B-20', 1109, 'Is the general allowance of 5 % still right after Morges?', 'RT', '2026-02-13', 'Losses of the last three years were 1.9 % on average.', 'BO', NULL),
  ('B-20', 1160, 'Advance to a director: interest, term, resolution of the board?', 'RT', '2026-02-13', NULL, NULL, NULL),
  ('C-20', 1209, 'Compare the leather with the price list of January 2026.', 'AK', '2026-01-12', 'Done, see entry 6.', 'BO', NULL),
  ('F-10', 1550, 'When was the paint shop put into use? Depreciation would begin.', 'AK', '2026-02-13', NULL, NULL, NULL),
  ('T-20', 2300, 'Does the list of holidays include the night shift?', 'AK', '2026-02-09', 'It does not: entry 4.', 'CM', '2026-02-11'),
  (NULL, 2640, 'Letter from the lawyer about the case Brunner is missing.', 'RT', '2026-02-13', NULL, NULL, NULL),
  (NULL, 1449, 'Ask for the value of the property behind the loan to Immobilien AG.', 'AK', '2026-02-16', NULL, NULL, NULL),
  ('90-10', NULL, 'Soften the point about the ERP access rights? Talk to Mr Hug first.', 'RT', '2026-02-19', NULL, NULL, NULL);
