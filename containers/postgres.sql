-- Run once by the image of PostgreSQL, on an empty data folder, as superuser. Millrace's own role is none: it owns the database,
-- and may make the role that tenants read as.
\getenv password POSTGRES_PASSWORD

-- pgvector is no trusted extension: it goes into template1, so that every new database has it.
\connect template1
create extension vector;

\connect postgres
create role millrace login createdb createrole password :'password';
create database millrace owner millrace;
