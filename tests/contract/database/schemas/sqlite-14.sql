BEGIN TRANSACTION;
CREATE TABLE accident_documents (
  accident TEXT NOT NULL REFERENCES accidents (id),
  kind TEXT NOT NULL,
  version BIGINT NOT NULL,
  made BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  digest TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (accident, kind, version)
);
CREATE TABLE accident_signatures (
  accident TEXT NOT NULL,
  kind TEXT NOT NULL,
  version BIGINT NOT NULL,
  name TEXT NOT NULL,
  at BIGINT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (accident, kind, version),
  FOREIGN KEY (accident, kind, version) REFERENCES accident_documents (accident, kind, version)
);
CREATE TABLE accidents (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  occurred BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  serious TEXT NOT NULL,
  created BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  changed_by TEXT NOT NULL,
  body TEXT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE TABLE account_secrets (
  account TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
  secret TEXT NOT NULL
);
INSERT INTO "account_secrets" VALUES('a1','$argon2id$not-one');
CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  folded TEXT NOT NULL UNIQUE,
  language TEXT NOT NULL,
  role TEXT NOT NULL,
  created BIGINT NOT NULL,
  disabled BIGINT NOT NULL,
  password_changed BIGINT NOT NULL,
  must_change BIGINT NOT NULL,
  last_sign_in BIGINT NOT NULL,
  revision BIGINT NOT NULL CHECK (revision > 0)
);
INSERT INTO "accounts" VALUES('a1','佐藤','佐藤','ja','admin',1795000000000,0,1795000000000,0,0,1);
CREATE TABLE assessment_judgements (
  assessment TEXT NOT NULL REFERENCES assessments (id) ON DELETE CASCADE,
  catalogue TEXT NOT NULL,
  terminal TEXT NOT NULL,
  began BIGINT NOT NULL,
  verdict BIGINT NOT NULL,
  duties TEXT NOT NULL,
  PRIMARY KEY (assessment, catalogue)
);
CREATE TABLE assessments (
  id TEXT PRIMARY KEY,
  terminal TEXT NOT NULL,
  maker TEXT NOT NULL,
  model TEXT NOT NULL,
  kind TEXT NOT NULL,
  unit TEXT NOT NULL,
  hardware TEXT NOT NULL,
  software TEXT NOT NULL,
  target TEXT NOT NULL,
  began BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  person TEXT NOT NULL,
  place TEXT NOT NULL,
  number TEXT NOT NULL,
  tool TEXT NOT NULL,
  state TEXT NOT NULL,
  head TEXT NOT NULL,
  events BIGINT NOT NULL,
  problem TEXT NOT NULL,
  verdicts TEXT NOT NULL,
  mark TEXT NOT NULL
);
CREATE TABLE audit (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  role TEXT NOT NULL,
  act TEXT NOT NULL,
  object TEXT NOT NULL,
  basis TEXT NOT NULL,
  reason TEXT NOT NULL,
  details TEXT NOT NULL,
  prev TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL UNIQUE
);
INSERT INTO "audit" VALUES(1,1795000000000,'佐藤','sender','re-identify','c0','consent','','{"n":0}','0000000000000000000000000000000000000000000000000000000000000000','f9c6a6bad45341b5217658dfb6ee28774d84cedb9ce4ba3d16cb84a3c1e00b81');
INSERT INTO "audit" VALUES(2,1795000000000,'佐藤','sender','re-identify','c1','consent','','{"n":1}','f9c6a6bad45341b5217658dfb6ee28774d84cedb9ce4ba3d16cb84a3c1e00b81','b2c1524c4e75af45bf9c4d3963252c16e3c5b9c47fd7809631daa3aeb4461493');
INSERT INTO "audit" VALUES(3,1795000000000,'佐藤','sender','re-identify','c2','consent','','{"n":2}','b2c1524c4e75af45bf9c4d3963252c16e3c5b9c47fd7809631daa3aeb4461493','7365ad75fcbc828ee9f58c8110e28313eaf3265c81a579a764289df68f2d748b');
INSERT INTO "audit" VALUES(4,1795000000000,'佐藤','admin','setup-link','account 佐藤','','','{"source":"192.0.2.7"}','7365ad75fcbc828ee9f58c8110e28313eaf3265c81a579a764289df68f2d748b','15245820d8565c13a754c6f3369f89ffe4e82c3e3d8faae5309cef70389383cc');
INSERT INTO "audit" VALUES(5,1795000000000,'佐藤','admin','set-up','account 佐藤','','','{"source":"192.0.2.7"}','15245820d8565c13a754c6f3369f89ffe4e82c3e3d8faae5309cef70389383cc','86b604fc4f91209e40e9ba80d5700572171c0c05da164179a4913bd623f197c8');
INSERT INTO "audit" VALUES(6,1795000000000,'佐藤','admin','make-token','account 佐藤','','','{"source":"192.0.2.7"}','86b604fc4f91209e40e9ba80d5700572171c0c05da164179a4913bd623f197c8','d930fd276daaeef1d4eab61f78b8ed362e626008f3f6fcd71e2a3a439dfe5188');
CREATE TABLE audit_checkpoints (
  last BIGINT PRIMARY KEY,
  hash TEXT NOT NULL,
  "count" BIGINT NOT NULL,
  at BIGINT NOT NULL,
  until BIGINT NOT NULL,
  rule TEXT NOT NULL,
  broken BIGINT NOT NULL,
  prev TEXT NOT NULL,
  seal TEXT NOT NULL
);
CREATE TABLE case_events (
  "case" TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
  seq BIGINT NOT NULL CHECK (seq > 0),
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY ("case", seq)
) WITHOUT ROWID
;
INSERT INTO "case_events" VALUES('c1',1,1795000000000,'sato','opened','{"n":1,"文":"感染"}');
INSERT INTO "case_events" VALUES('c1',2,1795000000000,'sato','assigned','{"to":"佐藤"}');
CREATE TABLE cases (
  id TEXT PRIMARY KEY,
  subscriber BIGINT NOT NULL,
  "key" TEXT NOT NULL,
  state TEXT NOT NULL,
  grade TEXT NOT NULL,
  opened BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  first_seen BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  detections BIGINT NOT NULL,
  family TEXT NOT NULL,
  methods TEXT NOT NULL,
  assignee TEXT NOT NULL,
  device_model TEXT NOT NULL,
  channel TEXT NOT NULL,
  notified_at BIGINT NOT NULL,
  healed_at BIGINT NOT NULL,
  relapses BIGINT NOT NULL,
  close_reason TEXT NOT NULL,
  merged_into TEXT NOT NULL,
  revision BIGINT NOT NULL CHECK (revision > 0)
);
INSERT INTO "cases" VALUES('c1',4711,'family:mirai','new','likely',1795000000000,1795000000005,1794999995000,1794999999000,0,'mirai','["known_cc"]','佐藤','','',0,0,0,'','',2);
INSERT INTO "cases" VALUES('c2',-3,'method:outbound_scan','new','likely',1795000000000,1795000000000,1794999995000,1794999999000,0,'','[]','','','',0,0,0,'','',1);
CREATE TABLE detection_counts (
  hour BIGINT NOT NULL,
  method TEXT NOT NULL,
  grade TEXT NOT NULL,
  family TEXT NOT NULL,
  purposes TEXT NOT NULL,
  "count" BIGINT NOT NULL,
  PRIMARY KEY (hour, method, grade, family, purposes)
) WITHOUT ROWID
;
CREATE TABLE detection_remotes (
  address TEXT NOT NULL,
  "begin" BIGINT NOT NULL,
  detection TEXT NOT NULL REFERENCES detections (id) ON DELETE CASCADE
);
CREATE TABLE detections (
  id TEXT PRIMARY KEY,
  method TEXT NOT NULL,
  subscriber BIGINT NOT NULL,
  "begin" BIGINT NOT NULL,
  "end" BIGINT NOT NULL,
  grade TEXT NOT NULL,
  reason TEXT NOT NULL,
  arguments TEXT NOT NULL,
  family TEXT NOT NULL,
  remotes TEXT NOT NULL,
  remote_count BIGINT NOT NULL,
  "rows" BIGINT NOT NULL,
  sampling BIGINT NOT NULL,
  sources TEXT NOT NULL,
  found BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  purposes TEXT NOT NULL,
  place BIGINT NOT NULL
);
CREATE TABLE duty_papers (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  made BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (kind, name, version)
);
CREATE TABLE hub_advisories ("id" TEXT NOT NULL, "maker" TEXT NOT NULL, "name" TEXT NOT NULL, "version" TEXT NOT NULL, "title" TEXT NOT NULL, "category" TEXT NOT NULL, "status" TEXT NOT NULL, "released" TEXT NOT NULL, "tlp" BIGINT NOT NULL, "finding" TEXT NOT NULL, "received" BIGINT NOT NULL, "digest" TEXT NOT NULL, "body" TEXT NOT NULL, PRIMARY KEY (id));
CREATE TABLE hub_advisory_models ("advisory" TEXT NOT NULL, "vendor" TEXT NOT NULL, "model" TEXT NOT NULL, "version" TEXT NOT NULL, "issue" TEXT NOT NULL, "status" TEXT NOT NULL, PRIMARY KEY (advisory, vendor, model, version, issue, status));
CREATE TABLE hub_disputes ("id" TEXT NOT NULL, "key" TEXT NOT NULL, "member" TEXT NOT NULL, "at" BIGINT NOT NULL, "reason" TEXT NOT NULL, "decided" BIGINT NOT NULL, "decided_by" TEXT NOT NULL, "upheld" BIGINT NOT NULL, PRIMARY KEY (id));
CREATE TABLE hub_finding_steps ("finding" TEXT NOT NULL, "seq" BIGINT NOT NULL, "at" BIGINT NOT NULL, "kind" TEXT NOT NULL, "whom" TEXT NOT NULL, "who" TEXT NOT NULL, "text" TEXT NOT NULL, PRIMARY KEY (finding, seq));
CREATE TABLE hub_findings ("id" TEXT NOT NULL, "maker" TEXT NOT NULL, "vendor" TEXT NOT NULL, "model" TEXT NOT NULL, "title" TEXT NOT NULL, "created" BIGINT NOT NULL, "embargo" BIGINT NOT NULL, "state" TEXT NOT NULL, "decided" BIGINT NOT NULL, "decided_by" TEXT NOT NULL, "reason" TEXT NOT NULL, "revision" BIGINT NOT NULL, PRIMARY KEY (id));
CREATE TABLE hub_foreign ("peer" TEXT NOT NULL, "key" TEXT NOT NULL, "id" TEXT NOT NULL, "version_key" TEXT NOT NULL, "tlp" BIGINT NOT NULL, "first" BIGINT NOT NULL, "last" BIGINT NOT NULL, "family" TEXT NOT NULL, "origins" TEXT NOT NULL, "alive" BIGINT NOT NULL, PRIMARY KEY (peer, key, id));
CREATE TABLE hub_ledger ("id" TEXT NOT NULL, "supplier" TEXT NOT NULL, "received" BIGINT NOT NULL, "log_items" TEXT NOT NULL, "carrier" TEXT NOT NULL, "notified" BIGINT NOT NULL, "receipt" BIGINT NOT NULL, "expires" BIGINT NOT NULL, PRIMARY KEY (id));
CREATE TABLE hub_line_counts (member TEXT NOT NULL, indicator TEXT NOT NULL, day TEXT NOT NULL, lines BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (member, indicator, day));
CREATE TABLE hub_members ("id" TEXT NOT NULL, "name_ja" TEXT NOT NULL, "name_en" TEXT NOT NULL, "role" TEXT NOT NULL, "state" TEXT NOT NULL, "group" TEXT NOT NULL, "joined" BIGINT NOT NULL, "lineage" TEXT NOT NULL, "listed" BIGINT NOT NULL, "proofs" TEXT NOT NULL, "contacts" TEXT NOT NULL, "revision" BIGINT NOT NULL, PRIMARY KEY (id));
CREATE TABLE hub_model_reports ("member" TEXT NOT NULL, "vendor" TEXT NOT NULL, "model" TEXT NOT NULL, "firmware" TEXT NOT NULL, "finding" TEXT NOT NULL, "devices" BIGINT NOT NULL, "first" BIGINT NOT NULL, "last" BIGINT NOT NULL, "ports" TEXT NOT NULL, "cves" TEXT NOT NULL, PRIMARY KEY (member, vendor, model, firmware, finding));
CREATE TABLE hub_networks ("network" TEXT NOT NULL, "member" TEXT NOT NULL, "since" BIGINT NOT NULL, "until" BIGINT NOT NULL, PRIMARY KEY (network, member, since));
CREATE TABLE hub_offers ("partner" TEXT NOT NULL, "key" TEXT NOT NULL, "base" TEXT NOT NULL, "standing" TEXT NOT NULL, "origins" TEXT NOT NULL, "published" BIGINT NOT NULL, PRIMARY KEY (partner, key));
CREATE TABLE hub_outcomes ("member" TEXT NOT NULL, "key" TEXT NOT NULL, "at" BIGINT NOT NULL, "good" BIGINT NOT NULL, PRIMARY KEY (member, key));
CREATE TABLE hub_peers ("member" TEXT NOT NULL, "url" TEXT NOT NULL, "token_file" TEXT NOT NULL, "authority" TEXT NOT NULL, "take" TEXT NOT NULL, "forward" TEXT NOT NULL, "ceiling" BIGINT NOT NULL, "identity" TEXT NOT NULL, "created" BIGINT NOT NULL, PRIMARY KEY (member));
CREATE TABLE hub_positions ("peer" TEXT NOT NULL, "lane" TEXT NOT NULL, "added" TEXT NOT NULL, "at" BIGINT NOT NULL, "good" BIGINT NOT NULL, "reason" TEXT NOT NULL, "detail" TEXT NOT NULL, PRIMARY KEY (peer, lane));
CREATE TABLE hub_products ("vendor" TEXT NOT NULL, "model" TEXT NOT NULL, "maker" TEXT NOT NULL, PRIMARY KEY (vendor, model));
CREATE TABLE hub_reports ("key" TEXT NOT NULL, "member" TEXT NOT NULL, "use" TEXT NOT NULL, "kind" TEXT NOT NULL, "value" TEXT NOT NULL, "port" BIGINT NOT NULL, "protocol" BIGINT NOT NULL, "family" TEXT NOT NULL, "evidence" TEXT NOT NULL, "feed" TEXT NOT NULL, "first" BIGINT NOT NULL, "last" BIGINT NOT NULL, "sightings" BIGINT NOT NULL, "tlp" BIGINT NOT NULL, PRIMARY KEY (key, member));
CREATE TABLE hub_rights ("member" TEXT NOT NULL, "collection" TEXT NOT NULL, "read" BIGINT NOT NULL, "write" BIGINT NOT NULL, "ceiling" BIGINT NOT NULL, PRIMARY KEY (member, collection));
CREATE TABLE hub_shown_models (vendor TEXT NOT NULL, model TEXT NOT NULL, firmware TEXT NOT NULL, finding TEXT NOT NULL, side TEXT NOT NULL, devices BIGINT NOT NULL, ports TEXT NOT NULL, cves TEXT NOT NULL, PRIMARY KEY (vendor, model, firmware, finding, side));
CREATE TABLE hub_standings ("key" TEXT NOT NULL, "id" TEXT NOT NULL, "use" TEXT NOT NULL, "kind" TEXT NOT NULL, "value" TEXT NOT NULL, "port" BIGINT NOT NULL, "protocol" BIGINT NOT NULL, "family" TEXT NOT NULL, "state" TEXT NOT NULL, "grade" TEXT NOT NULL, "score" BIGINT NOT NULL, "voices" BIGINT NOT NULL, "level" BIGINT NOT NULL, "since" BIGINT NOT NULL, "created" BIGINT NOT NULL, "first" BIGINT NOT NULL, "last" BIGINT NOT NULL, "published" BIGINT NOT NULL, "reason" TEXT NOT NULL, "verified" BIGINT NOT NULL, PRIMARY KEY (key));
CREATE TABLE hub_tokens ("id" TEXT NOT NULL, "member" TEXT NOT NULL, "name" TEXT NOT NULL, "created" BIGINT NOT NULL, "expires" BIGINT NOT NULL, "last_used" BIGINT NOT NULL, PRIMARY KEY (id));
CREATE TABLE index_marks (
  name TEXT PRIMARY KEY,
  mark TEXT NOT NULL
);
CREATE TABLE known_marks (
  account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  mark TEXT NOT NULL,
  seen BIGINT NOT NULL,
  PRIMARY KEY (account, mark)
) WITHOUT ROWID
;
INSERT INTO "known_marks" VALUES('a1','place:y',1795000000000);
CREATE TABLE notices (
  id TEXT PRIMARY KEY,
  "case" TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
  channel TEXT NOT NULL,
  language TEXT NOT NULL,
  template TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  digest TEXT NOT NULL,
  once TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  approved_by TEXT NOT NULL,
  approved_digest TEXT NOT NULL,
  approved_at BIGINT NOT NULL,
  message_id TEXT NOT NULL,
  sent_at BIGINT NOT NULL,
  withheld TEXT NOT NULL,
  not_before BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  detail TEXT NOT NULL,
  revision BIGINT NOT NULL CHECK (revision > 0)
);
INSERT INTO "notices" VALUES('n1','c1','email','ja','mirai','重要なお知らせ','本文
二行目','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','once-n1','sent',1795000000000,1795000000000,'','',0,'<1@x>',1795000000000,'',0,0,'',2);
CREATE TABLE passkeys (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  "key" TEXT NOT NULL,
  sign_count BIGINT NOT NULL,
  name TEXT NOT NULL,
  added BIGINT NOT NULL,
  last_used BIGINT NOT NULL
);
INSERT INTO "passkeys" VALUES('cred-1_A','a1','pub-key',3,'机の鍵',1795000000000,0);
CREATE TABLE sekisho_schema (version BIGINT PRIMARY KEY, program TEXT NOT NULL);
INSERT INTO "sekisho_schema" VALUES(1,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(2,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(3,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(4,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(5,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(6,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(7,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(8,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(9,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(10,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(11,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(12,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(13,'0.1.0');
INSERT INTO "sekisho_schema" VALUES(14,'0.1.0');
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  authenticated BIGINT NOT NULL,
  source TEXT NOT NULL,
  browser TEXT NOT NULL,
  kind TEXT NOT NULL
);
INSERT INTO "sessions" VALUES('e8bc163c82eee18733288c7d4ac636db3a6deb013ef2d37b68322be20edc45cc','a1',1795000000000,1795000000000,1795043200000,1795000000000,'192.0.2.7','Browser/1 (日本)','link');
CREATE TABLE setup_links (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  account TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  used BIGINT NOT NULL
);
INSERT INTO "setup_links" VALUES('2804bad6fe94a55f18b2b37e300919a5fd517b95aa81e95db574c0ba069a3740','first-admin','',1795000000000,1795000900000,1795000000000);
CREATE TABLE shared_collections (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  alias TEXT NOT NULL,
  last_added BIGINT NOT NULL
, lane TEXT NOT NULL DEFAULT 'open', unmarked BIGINT NOT NULL DEFAULT 4);
CREATE TABLE shared_objects (
  collection TEXT NOT NULL REFERENCES shared_collections (id) ON DELETE CASCADE,
  added BIGINT NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  version TEXT NOT NULL,
  version_key TEXT NOT NULL,
  digest TEXT NOT NULL,
  body TEXT NOT NULL, owner TEXT NOT NULL DEFAULT '', audience TEXT NOT NULL DEFAULT '', tlp BIGINT NOT NULL DEFAULT 4,
  PRIMARY KEY (collection, added)
);
CREATE TABLE shared_sent (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  at BIGINT NOT NULL,
  told TEXT NOT NULL
);
CREATE TABLE sign_in_counts (
  "key" TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,
  last BIGINT NOT NULL,
  until BIGINT NOT NULL
);
INSERT INTO "sign_in_counts" VALUES('name:x',1,1795000000000,1795000000000);
CREATE TABLE spent_challenges (
  id TEXT PRIMARY KEY,
  expires BIGINT NOT NULL
);
INSERT INTO "spent_challenges" VALUES('00ff',1795000000005);
CREATE TABLE staff_names (
  token TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  since BIGINT NOT NULL,
  used BIGINT NOT NULL,
  erased BIGINT NOT NULL,
  ground TEXT NOT NULL
);
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  scope TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  last_used BIGINT NOT NULL
);
INSERT INTO "tokens" VALUES('92493e6fad3e4152df1bd7fe5c168d281fd1e0817f9a07c6e51d49d3c88f144a','a1','nightly','["see","work"]',1795000000000,1795086400000,0);
CREATE INDEX cases_by_state ON cases (state, updated DESC, id);
CREATE INDEX cases_by_subscriber ON cases (subscriber, state, updated DESC, id);
CREATE INDEX cases_by_key ON cases ("key", state, updated DESC, id);
CREATE INDEX cases_by_family ON cases (family, state, updated DESC, id);
CREATE INDEX cases_by_model ON cases (device_model, state, updated DESC, id);
CREATE INDEX cases_by_assignee ON cases (assignee, state, updated DESC, id);
CREATE INDEX notices_by_state ON notices (state, id);
CREATE INDEX notices_by_case ON notices ("case", id);
CREATE INDEX notices_by_message ON notices (message_id, id);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_continued BEFORE INSERT ON audit WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit) OR NEW.prev IS NOT coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') BEGIN SELECT RAISE(ABORT, 'not the next entry of the audit log'); END;
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON case_events BEGIN SELECT RAISE(ABORT, 'events of a case are not changed'); END;
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON case_events WHEN EXISTS (SELECT 1 FROM case_events WHERE "case" = NEW."case" AND seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'events of a case are not changed'); END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON case_events WHEN EXISTS (SELECT 1 FROM cases WHERE id = OLD."case") BEGIN SELECT RAISE(ABORT, 'events are kept as long as their case'); END;
CREATE INDEX setup_links_by_account ON setup_links (account);
CREATE INDEX sessions_by_account ON sessions (account, last_seen DESC);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen);
CREATE INDEX passkeys_by_account ON passkeys (account, added);
CREATE INDEX tokens_by_account ON tokens (account, created DESC);
CREATE INDEX sign_in_counts_by_last ON sign_in_counts (last);
CREATE INDEX known_marks_by_seen ON known_marks (seen);
CREATE INDEX spent_challenges_by_expiry ON spent_challenges (expires);
CREATE INDEX detections_by_time ON detections ("begin" DESC, id);
CREATE INDEX detections_by_method ON detections (method, grade, "begin" DESC, id);
CREATE INDEX detections_by_family ON detections (family, method, grade, "begin" DESC, id);
CREATE INDEX detections_by_subscriber ON detections (subscriber, "begin" DESC, id);
CREATE INDEX detections_by_expiry ON detections (expires);
CREATE INDEX detection_remotes_by_address ON detection_remotes (address, "begin" DESC, detection);
CREATE INDEX detection_remotes_by_detection ON detection_remotes (detection);
CREATE INDEX assessments_by_time ON assessments (began DESC, id);
CREATE INDEX assessments_by_terminal ON assessments (terminal, began DESC, id);
CREATE INDEX judgements_by_terminal ON assessment_judgements (catalogue, terminal, began DESC);
CREATE INDEX audit_by_who ON audit (who, seq DESC);
CREATE INDEX audit_by_act ON audit (act, seq DESC);
CREATE INDEX audit_by_object ON audit (object, seq DESC);
CREATE INDEX cases_by_age ON cases (state, updated, opened);
CREATE UNIQUE INDEX shared_collections_by_alias ON shared_collections (alias) WHERE alias <> '';
CREATE UNIQUE INDEX shared_objects_by_version ON shared_objects (collection, id, version_key);
CREATE INDEX shared_objects_by_type ON shared_objects (collection, type, added);
CREATE INDEX shared_sent_by_time ON shared_sent (at);
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit WHEN OLD.seq > coalesce((SELECT max(last) FROM audit_checkpoints), 0) BEGIN SELECT RAISE(ABORT, 'entries of the audit log go at their time only'); END;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE hash = NEW.hash) BEGIN SELECT RAISE(ABORT, 'not the next entry of the audit log'); END;
CREATE TRIGGER checkpoints_are_not_changed BEFORE UPDATE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
CREATE TRIGGER checkpoints_are_not_deleted BEFORE DELETE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
CREATE TRIGGER checkpoints_are_true BEFORE INSERT ON audit_checkpoints WHEN NEW.last <= coalesce((SELECT last FROM audit_checkpoints ORDER BY last DESC LIMIT 1), 0)
OR NEW.prev <> coalesce((SELECT seal FROM audit_checkpoints ORDER BY last DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000')
OR EXISTS (SELECT 1 FROM audit_checkpoints WHERE seal = NEW.seal)
OR NEW.until > NEW.at
OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.last AND hash = NEW.hash AND at <= NEW.until)
OR EXISTS (SELECT 1 FROM audit WHERE seq <= NEW.last AND at > NEW.until AND at <= NEW.at)
OR NEW."count" <> (SELECT count(*) FROM audit WHERE seq <= NEW.last)
OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = (SELECT max(seq) FROM audit) AND seq > NEW.last
  AND act = 'expire-audit' AND at = NEW.at AND replace(details, '"last":' || NEW.last || ',', '') <> details
  AND replace(details, '"checkpoint":"' || NEW.seal || '"', '') <> details) BEGIN SELECT RAISE(ABORT, 'not a checkpoint of what is past its time'); END;
CREATE TRIGGER checkpoints_delete AFTER INSERT ON audit_checkpoints BEGIN DELETE FROM audit WHERE seq <= NEW.last; END;
CREATE INDEX hub_tokens_by_member ON hub_tokens (member);
CREATE INDEX hub_reports_by_member ON hub_reports (member);
CREATE UNIQUE INDEX hub_standings_by_id ON hub_standings (id);
CREATE INDEX hub_disputes_by_key ON hub_disputes (key);
CREATE INDEX hub_ledger_by_expiry ON hub_ledger (expires);
CREATE INDEX accidents_by_occurred ON accidents (occurred, id);
CREATE TRIGGER accident_documents_no_update BEFORE UPDATE ON accident_documents BEGIN SELECT RAISE(ABORT, 'documents and signatures of accidents are append-only'); END;
CREATE TRIGGER accident_documents_no_delete BEFORE DELETE ON accident_documents BEGIN SELECT RAISE(ABORT, 'documents and signatures of accidents are append-only'); END;
CREATE TRIGGER accident_signatures_no_update BEFORE UPDATE ON accident_signatures BEGIN SELECT RAISE(ABORT, 'documents and signatures of accidents are append-only'); END;
CREATE TRIGGER accident_signatures_no_delete BEFORE DELETE ON accident_signatures BEGIN SELECT RAISE(ABORT, 'documents and signatures of accidents are append-only'); END;
CREATE TRIGGER duty_papers_no_update BEFORE UPDATE ON duty_papers BEGIN SELECT RAISE(ABORT, 'what was written of duties is append-only'); END;
CREATE TRIGGER duty_papers_no_delete BEFORE DELETE ON duty_papers BEGIN SELECT RAISE(ABORT, 'what was written of duties is append-only'); END;
CREATE INDEX hub_standings_by_since ON hub_standings (since, key);
CREATE INDEX hub_standings_by_value ON hub_standings (value);
CREATE INDEX hub_standings_due ON hub_standings (key) WHERE published = 0;
CREATE INDEX hub_disputes_by_time ON hub_disputes (at, id);
CREATE INDEX hub_ledger_by_time ON hub_ledger (received, id);
CREATE INDEX hub_ledger_by_carrier ON hub_ledger (carrier, received, id);
CREATE INDEX hub_foreign_by_key ON hub_foreign (key);
CREATE INDEX hub_foreign_by_id ON hub_foreign (peer, id);
CREATE INDEX hub_offers_by_base ON hub_offers (base);
CREATE INDEX hub_offers_due ON hub_offers (partner, key) WHERE published = 0;
CREATE INDEX hub_model_reports_by_model ON hub_model_reports (vendor, model);
CREATE UNIQUE INDEX hub_advisories_by_name ON hub_advisories (maker, name, version);
CREATE INDEX hub_advisory_models_by_model ON hub_advisory_models (vendor, model);
CREATE INDEX hub_line_counts_by_indicator ON hub_line_counts (indicator, day);
CREATE INDEX hub_line_counts_by_day ON hub_line_counts (day);
CREATE UNIQUE INDEX staff_names_by_name ON staff_names (name) WHERE erased = 0;
CREATE TRIGGER staff_names_stay BEFORE UPDATE ON staff_names WHEN OLD.erased <> 0 BEGIN SELECT RAISE(ABORT, 'a name that was erased stays erased, and that it was stays on record'); END;
CREATE TRIGGER staff_names_no_delete BEFORE DELETE ON staff_names BEGIN SELECT RAISE(ABORT, 'a name that was erased stays erased, and that it was stays on record'); END;
COMMIT;
