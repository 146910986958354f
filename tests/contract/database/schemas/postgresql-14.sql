SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.sekisho_audit_continued() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF NEW.seq IS DISTINCT FROM (SELECT coalesce(max(seq), 0) + 1 FROM audit) OR NEW.prev IS DISTINCT FROM coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000') THEN RAISE EXCEPTION 'not the next entry of the audit log'; END IF; RETURN NEW; END $$;
CREATE FUNCTION public.sekisho_audit_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF OLD.seq > coalesce((SELECT max(last) FROM audit_checkpoints), 0) THEN RAISE EXCEPTION 'entries of the audit log go at their time only'; END IF; RETURN OLD; END $$;
CREATE FUNCTION public.sekisho_checkpoint_deletes() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN DELETE FROM audit WHERE seq <= NEW.last; RETURN NULL; END $$;
CREATE FUNCTION public.sekisho_checkpoint_true() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF NEW.last <= coalesce((SELECT last FROM audit_checkpoints ORDER BY last DESC LIMIT 1), 0)
OR NEW.prev <> coalesce((SELECT seal FROM audit_checkpoints ORDER BY last DESC LIMIT 1), '0000000000000000000000000000000000000000000000000000000000000000')
OR EXISTS (SELECT 1 FROM audit_checkpoints WHERE seal = NEW.seal)
OR NEW.until > NEW.at
OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.last AND hash = NEW.hash AND at <= NEW.until)
OR EXISTS (SELECT 1 FROM audit WHERE seq <= NEW.last AND at > NEW.until AND at <= NEW.at)
OR NEW."count" <> (SELECT count(*) FROM audit WHERE seq <= NEW.last)
OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = (SELECT max(seq) FROM audit) AND seq > NEW.last
  AND act = 'expire-audit' AND at = NEW.at AND replace(details, '"last":' || NEW.last || ',', '') <> details
  AND replace(details, '"checkpoint":"' || NEW.seal || '"', '') <> details) THEN RAISE EXCEPTION 'not a checkpoint of what is past its time'; END IF; RETURN NEW; END $$;
CREATE FUNCTION public.sekisho_event_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF EXISTS (SELECT 1 FROM cases WHERE id = OLD."case") THEN RAISE EXCEPTION 'events are kept as long as their case'; END IF; RETURN OLD; END $$;
CREATE FUNCTION public.sekisho_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'rows of ' || TG_TABLE_NAME || ' are not changed or deleted'; END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.accident_documents (
    accident text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    made bigint NOT NULL,
    made_by text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.accident_signatures (
    accident text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.accidents (
    id text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    occurred bigint NOT NULL,
    ended bigint NOT NULL,
    serious text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    changed bigint NOT NULL,
    changed_by text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL
);
CREATE TABLE public.account_secrets (
    account text NOT NULL COLLATE pg_catalog."C",
    secret text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.accounts (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    folded text NOT NULL COLLATE pg_catalog."C",
    language text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    disabled bigint NOT NULL,
    password_changed bigint NOT NULL,
    must_change bigint NOT NULL,
    last_sign_in bigint NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT accounts_revision_check CHECK ((revision > 0))
);
CREATE TABLE public.assessment_judgements (
    assessment text NOT NULL COLLATE pg_catalog."C",
    catalogue text NOT NULL COLLATE pg_catalog."C",
    terminal text NOT NULL COLLATE pg_catalog."C",
    began bigint NOT NULL,
    verdict bigint NOT NULL,
    duties text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.assessments (
    id text NOT NULL COLLATE pg_catalog."C",
    terminal text NOT NULL COLLATE pg_catalog."C",
    maker text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    unit text NOT NULL COLLATE pg_catalog."C",
    hardware text NOT NULL COLLATE pg_catalog."C",
    software text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    began bigint NOT NULL,
    ended bigint NOT NULL,
    person text NOT NULL COLLATE pg_catalog."C",
    place text NOT NULL COLLATE pg_catalog."C",
    number text NOT NULL COLLATE pg_catalog."C",
    tool text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    head text NOT NULL COLLATE pg_catalog."C",
    events bigint NOT NULL,
    problem text NOT NULL COLLATE pg_catalog."C",
    verdicts text NOT NULL COLLATE pg_catalog."C",
    mark text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.audit (
    seq bigint NOT NULL,
    at bigint NOT NULL,
    who text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    act text NOT NULL COLLATE pg_catalog."C",
    object text NOT NULL COLLATE pg_catalog."C",
    basis text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    details text NOT NULL COLLATE pg_catalog."C",
    prev text NOT NULL COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.audit_checkpoints (
    last bigint NOT NULL,
    hash text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL,
    at bigint NOT NULL,
    until bigint NOT NULL,
    rule text NOT NULL COLLATE pg_catalog."C",
    broken bigint NOT NULL,
    prev text NOT NULL COLLATE pg_catalog."C",
    seal text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.case_events (
    "case" text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    at bigint NOT NULL,
    who text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT case_events_seq_check CHECK ((seq > 0))
);
CREATE TABLE public.cases (
    id text NOT NULL COLLATE pg_catalog."C",
    subscriber bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    grade text NOT NULL COLLATE pg_catalog."C",
    opened bigint NOT NULL,
    updated bigint NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    detections bigint NOT NULL,
    family text NOT NULL COLLATE pg_catalog."C",
    methods text NOT NULL COLLATE pg_catalog."C",
    assignee text NOT NULL COLLATE pg_catalog."C",
    device_model text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL COLLATE pg_catalog."C",
    notified_at bigint NOT NULL,
    healed_at bigint NOT NULL,
    relapses bigint NOT NULL,
    close_reason text NOT NULL COLLATE pg_catalog."C",
    merged_into text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL,
    CONSTRAINT cases_revision_check CHECK ((revision > 0))
);
CREATE TABLE public.detection_counts (
    hour bigint NOT NULL,
    method text NOT NULL COLLATE pg_catalog."C",
    grade text NOT NULL COLLATE pg_catalog."C",
    family text NOT NULL COLLATE pg_catalog."C",
    purposes text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL
);
CREATE TABLE public.detection_remotes (
    address text NOT NULL COLLATE pg_catalog."C",
    begin bigint NOT NULL,
    detection text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.detections (
    id text NOT NULL COLLATE pg_catalog."C",
    method text NOT NULL COLLATE pg_catalog."C",
    subscriber bigint NOT NULL,
    begin bigint NOT NULL,
    "end" bigint NOT NULL,
    grade text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    arguments text NOT NULL COLLATE pg_catalog."C",
    family text NOT NULL COLLATE pg_catalog."C",
    remotes text NOT NULL COLLATE pg_catalog."C",
    remote_count bigint NOT NULL,
    rows bigint NOT NULL,
    sampling bigint NOT NULL,
    sources text NOT NULL COLLATE pg_catalog."C",
    found bigint NOT NULL,
    expires bigint NOT NULL,
    purposes text NOT NULL COLLATE pg_catalog."C",
    place bigint NOT NULL
);
CREATE TABLE public.duty_papers (
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    made bigint NOT NULL,
    made_by text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.hub_advisories (
    id text NOT NULL COLLATE pg_catalog."C",
    maker text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    category text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    released text NOT NULL COLLATE pg_catalog."C",
    tlp bigint NOT NULL,
    finding text NOT NULL COLLATE pg_catalog."C",
    received bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.hub_advisory_models (
    advisory text NOT NULL COLLATE pg_catalog."C",
    vendor text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    issue text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.hub_disputes (
    id text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    member text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    decided bigint NOT NULL,
    decided_by text NOT NULL COLLATE pg_catalog."C",
    upheld bigint NOT NULL
);
CREATE TABLE public.hub_finding_steps (
    finding text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    whom text NOT NULL COLLATE pg_catalog."C",
    who text NOT NULL COLLATE pg_catalog."C",
    text text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.hub_findings (
    id text NOT NULL COLLATE pg_catalog."C",
    maker text NOT NULL COLLATE pg_catalog."C",
    vendor text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    embargo bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    decided bigint NOT NULL,
    decided_by text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL
);
CREATE TABLE public.hub_foreign (
    peer text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    version_key text NOT NULL COLLATE pg_catalog."C",
    tlp bigint NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    family text NOT NULL COLLATE pg_catalog."C",
    origins text NOT NULL COLLATE pg_catalog."C",
    alive bigint NOT NULL
);
CREATE TABLE public.hub_ledger (
    id text NOT NULL COLLATE pg_catalog."C",
    supplier text NOT NULL COLLATE pg_catalog."C",
    received bigint NOT NULL,
    log_items text NOT NULL COLLATE pg_catalog."C",
    carrier text NOT NULL COLLATE pg_catalog."C",
    notified bigint NOT NULL,
    receipt bigint NOT NULL,
    expires bigint NOT NULL
);
CREATE TABLE public.hub_line_counts (
    member text NOT NULL COLLATE pg_catalog."C",
    indicator text NOT NULL COLLATE pg_catalog."C",
    day text NOT NULL COLLATE pg_catalog."C",
    lines bigint NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.hub_members (
    id text NOT NULL COLLATE pg_catalog."C",
    name_ja text NOT NULL COLLATE pg_catalog."C",
    name_en text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    "group" text NOT NULL COLLATE pg_catalog."C",
    joined bigint NOT NULL,
    lineage text NOT NULL COLLATE pg_catalog."C",
    listed bigint NOT NULL,
    proofs text NOT NULL COLLATE pg_catalog."C",
    contacts text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL
);
CREATE TABLE public.hub_model_reports (
    member text NOT NULL COLLATE pg_catalog."C",
    vendor text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    firmware text NOT NULL COLLATE pg_catalog."C",
    finding text NOT NULL COLLATE pg_catalog."C",
    devices bigint NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    ports text NOT NULL COLLATE pg_catalog."C",
    cves text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.hub_networks (
    network text NOT NULL COLLATE pg_catalog."C",
    member text NOT NULL COLLATE pg_catalog."C",
    since bigint NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.hub_offers (
    partner text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    base text NOT NULL COLLATE pg_catalog."C",
    standing text NOT NULL COLLATE pg_catalog."C",
    origins text NOT NULL COLLATE pg_catalog."C",
    published bigint NOT NULL
);
CREATE TABLE public.hub_outcomes (
    member text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    good bigint NOT NULL
);
CREATE TABLE public.hub_peers (
    member text NOT NULL COLLATE pg_catalog."C",
    url text NOT NULL COLLATE pg_catalog."C",
    token_file text NOT NULL COLLATE pg_catalog."C",
    authority text NOT NULL COLLATE pg_catalog."C",
    take text NOT NULL COLLATE pg_catalog."C",
    forward text NOT NULL COLLATE pg_catalog."C",
    ceiling bigint NOT NULL,
    identity text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL
);
CREATE TABLE public.hub_positions (
    peer text NOT NULL COLLATE pg_catalog."C",
    lane text NOT NULL COLLATE pg_catalog."C",
    added text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    good bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.hub_products (
    vendor text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    maker text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.hub_reports (
    key text NOT NULL COLLATE pg_catalog."C",
    member text NOT NULL COLLATE pg_catalog."C",
    use text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    port bigint NOT NULL,
    protocol bigint NOT NULL,
    family text NOT NULL COLLATE pg_catalog."C",
    evidence text NOT NULL COLLATE pg_catalog."C",
    feed text NOT NULL COLLATE pg_catalog."C",
    first bigint NOT NULL,
    last bigint NOT NULL,
    sightings bigint NOT NULL,
    tlp bigint NOT NULL
);
CREATE TABLE public.hub_rights (
    member text NOT NULL COLLATE pg_catalog."C",
    collection text NOT NULL COLLATE pg_catalog."C",
    read bigint NOT NULL,
    write bigint NOT NULL,
    ceiling bigint NOT NULL
);
CREATE TABLE public.hub_shown_models (
    vendor text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    firmware text NOT NULL COLLATE pg_catalog."C",
    finding text NOT NULL COLLATE pg_catalog."C",
    side text NOT NULL COLLATE pg_catalog."C",
    devices bigint NOT NULL,
    ports text NOT NULL COLLATE pg_catalog."C",
    cves text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.hub_standings (
    key text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    use text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    port bigint NOT NULL,
    protocol bigint NOT NULL,
    family text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    grade text NOT NULL COLLATE pg_catalog."C",
    score bigint NOT NULL,
    voices bigint NOT NULL,
    level bigint NOT NULL,
    since bigint NOT NULL,
    created bigint NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    published bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    verified bigint NOT NULL
);
CREATE TABLE public.hub_tokens (
    id text NOT NULL COLLATE pg_catalog."C",
    member text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    expires bigint NOT NULL,
    last_used bigint NOT NULL
);
CREATE TABLE public.index_marks (
    name text NOT NULL COLLATE pg_catalog."C",
    mark text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.known_marks (
    account text NOT NULL COLLATE pg_catalog."C",
    mark text NOT NULL COLLATE pg_catalog."C",
    seen bigint NOT NULL
);
CREATE TABLE public.notices (
    id text NOT NULL COLLATE pg_catalog."C",
    "case" text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL COLLATE pg_catalog."C",
    language text NOT NULL COLLATE pg_catalog."C",
    template text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    once text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    updated bigint NOT NULL,
    approved_by text NOT NULL COLLATE pg_catalog."C",
    approved_digest text NOT NULL COLLATE pg_catalog."C",
    approved_at bigint NOT NULL,
    message_id text NOT NULL COLLATE pg_catalog."C",
    sent_at bigint NOT NULL,
    withheld text NOT NULL COLLATE pg_catalog."C",
    not_before bigint NOT NULL,
    attempts bigint NOT NULL,
    detail text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL,
    CONSTRAINT notices_revision_check CHECK ((revision > 0))
);
CREATE TABLE public.passkeys (
    id text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    sign_count bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    added bigint NOT NULL,
    last_used bigint NOT NULL
);
CREATE TABLE public.sekisho_schema (
    version bigint NOT NULL,
    program text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.sessions (
    id text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    last_seen bigint NOT NULL,
    expires bigint NOT NULL,
    authenticated bigint NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    browser text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.setup_links (
    id text NOT NULL COLLATE pg_catalog."C",
    purpose text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    expires bigint NOT NULL,
    used bigint NOT NULL
);
CREATE TABLE public.shared_collections (
    id text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL COLLATE pg_catalog."C",
    alias text NOT NULL COLLATE pg_catalog."C",
    last_added bigint NOT NULL,
    lane text DEFAULT 'open'::text NOT NULL COLLATE pg_catalog."C",
    unmarked bigint DEFAULT 4 NOT NULL
);
CREATE TABLE public.shared_objects (
    collection text NOT NULL COLLATE pg_catalog."C",
    added bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    version_key text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL COLLATE pg_catalog."C",
    owner text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    audience text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    tlp bigint DEFAULT 4 NOT NULL
);
CREATE TABLE public.shared_sent (
    id text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    told text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.sign_in_counts (
    key text NOT NULL COLLATE pg_catalog."C",
    failures bigint NOT NULL,
    last bigint NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.spent_challenges (
    id text NOT NULL COLLATE pg_catalog."C",
    expires bigint NOT NULL
);
CREATE TABLE public.staff_names (
    token text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    since bigint NOT NULL,
    used bigint NOT NULL,
    erased bigint NOT NULL,
    ground text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.tokens (
    id text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    scope text NOT NULL COLLATE pg_catalog."C",
    created bigint NOT NULL,
    expires bigint NOT NULL,
    last_used bigint NOT NULL
);
INSERT INTO public.account_secrets VALUES ('a1', '$argon2id$not-one');
INSERT INTO public.accounts VALUES ('a1', '佐藤', '佐藤', 'ja', 'admin', 1795000000000, 0, 1795000000000, 0, 0, 1);
INSERT INTO public.audit VALUES (1, 1795000000000, '佐藤', 'sender', 're-identify', 'c0', 'consent', '', '{"n":0}', '0000000000000000000000000000000000000000000000000000000000000000', 'f9c6a6bad45341b5217658dfb6ee28774d84cedb9ce4ba3d16cb84a3c1e00b81');
INSERT INTO public.audit VALUES (2, 1795000000000, '佐藤', 'sender', 're-identify', 'c1', 'consent', '', '{"n":1}', 'f9c6a6bad45341b5217658dfb6ee28774d84cedb9ce4ba3d16cb84a3c1e00b81', 'b2c1524c4e75af45bf9c4d3963252c16e3c5b9c47fd7809631daa3aeb4461493');
INSERT INTO public.audit VALUES (3, 1795000000000, '佐藤', 'sender', 're-identify', 'c2', 'consent', '', '{"n":2}', 'b2c1524c4e75af45bf9c4d3963252c16e3c5b9c47fd7809631daa3aeb4461493', '7365ad75fcbc828ee9f58c8110e28313eaf3265c81a579a764289df68f2d748b');
INSERT INTO public.audit VALUES (4, 1795000000000, '佐藤', 'admin', 'setup-link', 'account 佐藤', '', '', '{"source":"192.0.2.7"}', '7365ad75fcbc828ee9f58c8110e28313eaf3265c81a579a764289df68f2d748b', '15245820d8565c13a754c6f3369f89ffe4e82c3e3d8faae5309cef70389383cc');
INSERT INTO public.audit VALUES (5, 1795000000000, '佐藤', 'admin', 'set-up', 'account 佐藤', '', '', '{"source":"192.0.2.7"}', '15245820d8565c13a754c6f3369f89ffe4e82c3e3d8faae5309cef70389383cc', '86b604fc4f91209e40e9ba80d5700572171c0c05da164179a4913bd623f197c8');
INSERT INTO public.audit VALUES (6, 1795000000000, '佐藤', 'admin', 'make-token', 'account 佐藤', '', '', '{"source":"192.0.2.7"}', '86b604fc4f91209e40e9ba80d5700572171c0c05da164179a4913bd623f197c8', 'd930fd276daaeef1d4eab61f78b8ed362e626008f3f6fcd71e2a3a439dfe5188');
INSERT INTO public.case_events VALUES ('c1', 1, 1795000000000, 'sato', 'opened', '{"n":1,"文":"感染"}');
INSERT INTO public.case_events VALUES ('c1', 2, 1795000000000, 'sato', 'assigned', '{"to":"佐藤"}');
INSERT INTO public.cases VALUES ('c1', 4711, 'family:mirai', 'new', 'likely', 1795000000000, 1795000000005, 1794999995000, 1794999999000, 0, 'mirai', '["known_cc"]', '佐藤', '', '', 0, 0, 0, '', '', 2);
INSERT INTO public.cases VALUES ('c2', -3, 'method:outbound_scan', 'new', 'likely', 1795000000000, 1795000000000, 1794999995000, 1794999999000, 0, '', '[]', '', '', '', 0, 0, 0, '', '', 1);
INSERT INTO public.known_marks VALUES ('a1', 'place:y', 1795000000000);
INSERT INTO public.notices VALUES ('n1', 'c1', 'email', 'ja', 'mirai', '重要なお知らせ', '本文
二行目', 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'once-n1', 'sent', 1795000000000, 1795000000000, '', '', 0, '<1@x>', 1795000000000, '', 0, 0, '', 2);
INSERT INTO public.passkeys VALUES ('cred-1_A', 'a1', 'pub-key', 3, '机の鍵', 1795000000000, 0);
INSERT INTO public.sekisho_schema VALUES (1, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (2, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (3, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (4, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (5, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (6, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (7, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (8, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (9, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (10, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (11, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (12, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (13, '0.1.0');
INSERT INTO public.sekisho_schema VALUES (14, '0.1.0');
INSERT INTO public.sessions VALUES ('e8bc163c82eee18733288c7d4ac636db3a6deb013ef2d37b68322be20edc45cc', 'a1', 1795000000000, 1795000000000, 1795043200000, 1795000000000, '192.0.2.7', 'Browser/1 (日本)', 'link');
INSERT INTO public.setup_links VALUES ('2804bad6fe94a55f18b2b37e300919a5fd517b95aa81e95db574c0ba069a3740', 'first-admin', '', 1795000000000, 1795000900000, 1795000000000);
INSERT INTO public.sign_in_counts VALUES ('name:x', 1, 1795000000000, 1795000000000);
INSERT INTO public.spent_challenges VALUES ('00ff', 1795000000005);
INSERT INTO public.tokens VALUES ('92493e6fad3e4152df1bd7fe5c168d281fd1e0817f9a07c6e51d49d3c88f144a', 'a1', 'nightly', '["see","work"]', 1795000000000, 1795086400000, 0);
ALTER TABLE ONLY public.accident_documents
    ADD CONSTRAINT accident_documents_pkey PRIMARY KEY (accident, kind, version);
ALTER TABLE ONLY public.accident_signatures
    ADD CONSTRAINT accident_signatures_pkey PRIMARY KEY (accident, kind, version);
ALTER TABLE ONLY public.accidents
    ADD CONSTRAINT accidents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.account_secrets
    ADD CONSTRAINT account_secrets_pkey PRIMARY KEY (account);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_folded_key UNIQUE (folded);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.assessment_judgements
    ADD CONSTRAINT assessment_judgements_pkey PRIMARY KEY (assessment, catalogue);
ALTER TABLE ONLY public.assessments
    ADD CONSTRAINT assessments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_checkpoints
    ADD CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (last);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_prev_key UNIQUE (prev);
ALTER TABLE ONLY public.case_events
    ADD CONSTRAINT case_events_pkey PRIMARY KEY ("case", seq);
ALTER TABLE ONLY public.cases
    ADD CONSTRAINT cases_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.detection_counts
    ADD CONSTRAINT detection_counts_pkey PRIMARY KEY (hour, method, grade, family, purposes);
ALTER TABLE ONLY public.detections
    ADD CONSTRAINT detections_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.duty_papers
    ADD CONSTRAINT duty_papers_pkey PRIMARY KEY (kind, name, version);
ALTER TABLE ONLY public.hub_advisories
    ADD CONSTRAINT hub_advisories_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.hub_advisory_models
    ADD CONSTRAINT hub_advisory_models_pkey PRIMARY KEY (advisory, vendor, model, version, issue, status);
ALTER TABLE ONLY public.hub_disputes
    ADD CONSTRAINT hub_disputes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.hub_finding_steps
    ADD CONSTRAINT hub_finding_steps_pkey PRIMARY KEY (finding, seq);
ALTER TABLE ONLY public.hub_findings
    ADD CONSTRAINT hub_findings_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.hub_foreign
    ADD CONSTRAINT hub_foreign_pkey PRIMARY KEY (peer, key, id);
ALTER TABLE ONLY public.hub_ledger
    ADD CONSTRAINT hub_ledger_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.hub_line_counts
    ADD CONSTRAINT hub_line_counts_pkey PRIMARY KEY (member, indicator, day);
ALTER TABLE ONLY public.hub_members
    ADD CONSTRAINT hub_members_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.hub_model_reports
    ADD CONSTRAINT hub_model_reports_pkey PRIMARY KEY (member, vendor, model, firmware, finding);
ALTER TABLE ONLY public.hub_networks
    ADD CONSTRAINT hub_networks_pkey PRIMARY KEY (network, member, since);
ALTER TABLE ONLY public.hub_offers
    ADD CONSTRAINT hub_offers_pkey PRIMARY KEY (partner, key);
ALTER TABLE ONLY public.hub_outcomes
    ADD CONSTRAINT hub_outcomes_pkey PRIMARY KEY (member, key);
ALTER TABLE ONLY public.hub_peers
    ADD CONSTRAINT hub_peers_pkey PRIMARY KEY (member);
ALTER TABLE ONLY public.hub_positions
    ADD CONSTRAINT hub_positions_pkey PRIMARY KEY (peer, lane);
ALTER TABLE ONLY public.hub_products
    ADD CONSTRAINT hub_products_pkey PRIMARY KEY (vendor, model);
ALTER TABLE ONLY public.hub_reports
    ADD CONSTRAINT hub_reports_pkey PRIMARY KEY (key, member);
ALTER TABLE ONLY public.hub_rights
    ADD CONSTRAINT hub_rights_pkey PRIMARY KEY (member, collection);
ALTER TABLE ONLY public.hub_shown_models
    ADD CONSTRAINT hub_shown_models_pkey PRIMARY KEY (vendor, model, firmware, finding, side);
ALTER TABLE ONLY public.hub_standings
    ADD CONSTRAINT hub_standings_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.hub_tokens
    ADD CONSTRAINT hub_tokens_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.index_marks
    ADD CONSTRAINT index_marks_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.known_marks
    ADD CONSTRAINT known_marks_pkey PRIMARY KEY (account, mark);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_once_key UNIQUE (once);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sekisho_schema
    ADD CONSTRAINT sekisho_schema_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.setup_links
    ADD CONSTRAINT setup_links_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.shared_collections
    ADD CONSTRAINT shared_collections_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.shared_objects
    ADD CONSTRAINT shared_objects_pkey PRIMARY KEY (collection, added);
ALTER TABLE ONLY public.shared_sent
    ADD CONSTRAINT shared_sent_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sign_in_counts
    ADD CONSTRAINT sign_in_counts_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.spent_challenges
    ADD CONSTRAINT spent_challenges_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.staff_names
    ADD CONSTRAINT staff_names_pkey PRIMARY KEY (token);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (id);
CREATE INDEX accidents_by_occurred ON public.accidents USING btree (occurred, id);
CREATE INDEX assessments_by_terminal ON public.assessments USING btree (terminal, began DESC, id);
CREATE INDEX assessments_by_time ON public.assessments USING btree (began DESC, id);
CREATE INDEX audit_by_act ON public.audit USING btree (act, seq DESC);
CREATE INDEX audit_by_object ON public.audit USING btree (object, seq DESC);
CREATE INDEX audit_by_who ON public.audit USING btree (who, seq DESC);
CREATE INDEX cases_by_age ON public.cases USING btree (state, updated, opened);
CREATE INDEX cases_by_assignee ON public.cases USING btree (assignee, state, updated DESC, id);
CREATE INDEX cases_by_family ON public.cases USING btree (family, state, updated DESC, id);
CREATE INDEX cases_by_key ON public.cases USING btree (key, state, updated DESC, id);
CREATE INDEX cases_by_model ON public.cases USING btree (device_model, state, updated DESC, id);
CREATE INDEX cases_by_state ON public.cases USING btree (state, updated DESC, id);
CREATE INDEX cases_by_subscriber ON public.cases USING btree (subscriber, state, updated DESC, id);
CREATE INDEX detection_remotes_by_address ON public.detection_remotes USING btree (address, begin DESC, detection);
CREATE INDEX detection_remotes_by_detection ON public.detection_remotes USING btree (detection);
CREATE INDEX detections_by_expiry ON public.detections USING btree (expires);
CREATE INDEX detections_by_family ON public.detections USING btree (family, method, grade, begin DESC, id);
CREATE INDEX detections_by_method ON public.detections USING btree (method, grade, begin DESC, id);
CREATE INDEX detections_by_subscriber ON public.detections USING btree (subscriber, begin DESC, id);
CREATE INDEX detections_by_time ON public.detections USING btree (begin DESC, id);
CREATE UNIQUE INDEX hub_advisories_by_name ON public.hub_advisories USING btree (maker, name, version);
CREATE INDEX hub_advisory_models_by_model ON public.hub_advisory_models USING btree (vendor, model);
CREATE INDEX hub_disputes_by_key ON public.hub_disputes USING btree (key);
CREATE INDEX hub_disputes_by_time ON public.hub_disputes USING btree (at, id);
CREATE INDEX hub_foreign_by_id ON public.hub_foreign USING btree (peer, id);
CREATE INDEX hub_foreign_by_key ON public.hub_foreign USING btree (key);
CREATE INDEX hub_ledger_by_carrier ON public.hub_ledger USING btree (carrier, received, id);
CREATE INDEX hub_ledger_by_expiry ON public.hub_ledger USING btree (expires);
CREATE INDEX hub_ledger_by_time ON public.hub_ledger USING btree (received, id);
CREATE INDEX hub_line_counts_by_day ON public.hub_line_counts USING btree (day);
CREATE INDEX hub_line_counts_by_indicator ON public.hub_line_counts USING btree (indicator, day);
CREATE INDEX hub_model_reports_by_model ON public.hub_model_reports USING btree (vendor, model);
CREATE INDEX hub_offers_by_base ON public.hub_offers USING btree (base);
CREATE INDEX hub_offers_due ON public.hub_offers USING btree (partner, key) WHERE (published = 0);
CREATE INDEX hub_reports_by_member ON public.hub_reports USING btree (member);
CREATE UNIQUE INDEX hub_standings_by_id ON public.hub_standings USING btree (id);
CREATE INDEX hub_standings_by_since ON public.hub_standings USING btree (since, key);
CREATE INDEX hub_standings_by_value ON public.hub_standings USING btree (value);
CREATE INDEX hub_standings_due ON public.hub_standings USING btree (key) WHERE (published = 0);
CREATE INDEX hub_tokens_by_member ON public.hub_tokens USING btree (member);
CREATE INDEX judgements_by_terminal ON public.assessment_judgements USING btree (catalogue, terminal, began DESC);
CREATE INDEX known_marks_by_seen ON public.known_marks USING btree (seen);
CREATE INDEX notices_by_case ON public.notices USING btree ("case", id);
CREATE INDEX notices_by_message ON public.notices USING btree (message_id, id);
CREATE INDEX notices_by_state ON public.notices USING btree (state, id);
CREATE INDEX passkeys_by_account ON public.passkeys USING btree (account, added);
CREATE INDEX sessions_by_account ON public.sessions USING btree (account, last_seen DESC);
CREATE INDEX sessions_by_last_seen ON public.sessions USING btree (last_seen);
CREATE INDEX setup_links_by_account ON public.setup_links USING btree (account);
CREATE UNIQUE INDEX shared_collections_by_alias ON public.shared_collections USING btree (alias) WHERE (alias <> ''::text);
CREATE INDEX shared_objects_by_type ON public.shared_objects USING btree (collection, type, added);
CREATE UNIQUE INDEX shared_objects_by_version ON public.shared_objects USING btree (collection, id, version_key);
CREATE INDEX shared_sent_by_time ON public.shared_sent USING btree (at);
CREATE INDEX sign_in_counts_by_last ON public.sign_in_counts USING btree (last);
CREATE INDEX spent_challenges_by_expiry ON public.spent_challenges USING btree (expires);
CREATE UNIQUE INDEX staff_names_by_name ON public.staff_names USING btree (name) WHERE (erased = 0);
CREATE INDEX tokens_by_account ON public.tokens USING btree (account, created DESC);
CREATE TRIGGER accident_documents_no_delete BEFORE DELETE ON public.accident_documents FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER accident_documents_no_update BEFORE UPDATE ON public.accident_documents FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER accident_signatures_no_delete BEFORE DELETE ON public.accident_signatures FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER accident_signatures_no_update BEFORE UPDATE ON public.accident_signatures FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER audit_is_continued BEFORE INSERT ON public.audit FOR EACH ROW EXECUTE FUNCTION public.sekisho_audit_continued();
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.sekisho_audit_kept();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER checkpoints_are_not_changed BEFORE DELETE OR UPDATE ON public.audit_checkpoints FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER checkpoints_are_not_emptied BEFORE TRUNCATE ON public.audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER checkpoints_are_true BEFORE INSERT ON public.audit_checkpoints FOR EACH ROW EXECUTE FUNCTION public.sekisho_checkpoint_true();
CREATE TRIGGER checkpoints_delete AFTER INSERT ON public.audit_checkpoints FOR EACH ROW EXECUTE FUNCTION public.sekisho_checkpoint_deletes();
CREATE TRIGGER duty_papers_no_delete BEFORE DELETE ON public.duty_papers FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER duty_papers_no_update BEFORE UPDATE ON public.duty_papers FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON public.case_events FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON public.case_events FOR EACH ROW EXECUTE FUNCTION public.sekisho_event_kept();
CREATE TRIGGER staff_names_no_delete BEFORE DELETE ON public.staff_names FOR EACH ROW EXECUTE FUNCTION public.sekisho_refuse();
CREATE TRIGGER staff_names_stay BEFORE UPDATE ON public.staff_names FOR EACH ROW WHEN ((old.erased <> 0)) EXECUTE FUNCTION public.sekisho_refuse();
ALTER TABLE ONLY public.accident_documents
    ADD CONSTRAINT accident_documents_accident_fkey FOREIGN KEY (accident) REFERENCES public.accidents(id);
ALTER TABLE ONLY public.accident_signatures
    ADD CONSTRAINT accident_signatures_accident_kind_version_fkey FOREIGN KEY (accident, kind, version) REFERENCES public.accident_documents(accident, kind, version);
ALTER TABLE ONLY public.account_secrets
    ADD CONSTRAINT account_secrets_account_fkey FOREIGN KEY (account) REFERENCES public.accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.assessment_judgements
    ADD CONSTRAINT assessment_judgements_assessment_fkey FOREIGN KEY (assessment) REFERENCES public.assessments(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.case_events
    ADD CONSTRAINT case_events_case_fkey FOREIGN KEY ("case") REFERENCES public.cases(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.detection_remotes
    ADD CONSTRAINT detection_remotes_detection_fkey FOREIGN KEY (detection) REFERENCES public.detections(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.known_marks
    ADD CONSTRAINT known_marks_account_fkey FOREIGN KEY (account) REFERENCES public.accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_case_fkey FOREIGN KEY ("case") REFERENCES public.cases(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_account_fkey FOREIGN KEY (account) REFERENCES public.accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_account_fkey FOREIGN KEY (account) REFERENCES public.accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.shared_objects
    ADD CONSTRAINT shared_objects_collection_fkey FOREIGN KEY (collection) REFERENCES public.shared_collections(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_account_fkey FOREIGN KEY (account) REFERENCES public.accounts(id) ON DELETE CASCADE;
