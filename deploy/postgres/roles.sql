-- Two roles for one database of Flotilla: flotilla_owner owns the tables and migrates them, flotilla_app is what the
-- processes connect as: it reads and writes rows, and can neither make, change nor drop anything.
--
-- Run it in Flotilla's own database, as a superuser or as whoever may create roles and owns the database, before the
-- first migration, and once more after it (then the table of migrations becomes read-only too). It may be run as often
-- as one likes. The roles have no password until somebody gives them one. How: docs/security.md.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['flotilla_owner', 'flotilla_app'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        END IF;
        IF (SELECT rolsuper OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname = role_name) THEN
            RAISE EXCEPTION 'the role % exists and has rights over the whole server: take them away first', role_name;
        END IF;
        EXECUTE format('ALTER ROLE %I NOCREATEDB NOCREATEROLE INHERIT', role_name);
        -- CONNECT alone: no temporary tables, which nothing of ours makes.
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), role_name);
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('ALTER DATABASE %I SET search_path = public', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO flotilla_owner;
REVOKE ALL ON SCHEMA public FROM flotilla_app;
GRANT USAGE ON SCHEMA public TO flotilla_app;

-- What a migration will make. UPDATE on sequences: a restored database lets its numbers go on where Redis says.
ALTER DEFAULT PRIVILEGES FOR ROLE flotilla_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO flotilla_app;
ALTER DEFAULT PRIVILEGES FOR ROLE flotilla_owner IN SCHEMA public
    GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO flotilla_app;

-- What is there already.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO flotilla_app;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO flotilla_app;

-- Which migration the database is at is the owner's to say.
DO $$
BEGIN
    IF to_regclass('public.alembic_version') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON public.alembic_version FROM flotilla_app;
    END IF;
END
$$;
